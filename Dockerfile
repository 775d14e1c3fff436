# docker build -t detrd .
# docker run --rm --network host -v /srv/data:/srv/data:ro -v detrd:/var/lib/detrd detrd
# The API is on the host's loopback, 127.0.0.1:8474.  With GPUs: --gpus all, and INDEX without "cpu" in the build.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ cmake ninja-build pkg-config npm \
    python3-venv libmicrohttpd-dev libjansson-dev libsqlite3-dev libinih-dev libjpeg-dev libpng-dev
ARG TORCH=torch==2.13.0
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps ${TORCH} \
    && ln -s /venv/lib/python3*/site-packages/torch /torch
COPY . /src
RUN cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DDETRD_TESTS=OFF -DTORCH_ROOT=/torch \
    && cmake --build /build && cmake --install /build --prefix /usr

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libmicrohttpd12 libjansson4 libsqlite3-0 libinih1 \
    libjpeg62-turbo libpng16-16 libstdc++6 && rm -rf /var/lib/apt/lists/*
COPY --from=build /torch/lib /torch/lib
COPY --from=build /usr/bin/detrd /usr/bin/detrd-worker /usr/bin/detrd-trainer /usr/bin/
CMD ["detrd", "--state_dir=/var/lib/detrd"]
