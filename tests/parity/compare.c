/* tests/parity/compare.c: see compare.h. */
#include "tests/parity/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct worst {
    double share, got, want, tolerance;
    size_t at, outside, count;
};

static void look(struct worst *worst, double got, double want, double tolerance)
{
    double distance = fabs(got - want), share = distance / tolerance;

    if (distance == 0.0)
        share = 0.0; /* also where the tolerance is 0 */
    else if (isnan(share))
        share = INFINITY;
    if (!(distance <= tolerance))
        worst->outside++;
    if (worst->count == 0 || share > worst->share) {
        size_t outside = worst->outside, count = worst->count;

        *worst = (struct worst){share, got, want, tolerance, count, outside, count};
    }
    worst->count++;
}

static bool tell(const char *what, const struct worst *worst, const char *where, size_t index)
{
    if (worst->outside == 0) {
        (void)printf("%s: within %.3f of the tolerance (%zu values)\n", what, worst->share, worst->count);
    } else {
        (void)printf("%s: FAULT: %zu of %zu values outside, worst %.3g times the tolerance %.3g: %s[%zu] is %.9g, the "
                     "reference %.9g\n",
                     what, worst->outside, worst->count, worst->share, worst->tolerance, where, index, worst->got,
                     worst->want);
    }
    (void)fflush(stdout); /* a failing test ends by a signal */
    return worst->outside == 0;
}

bool compare_doubles(const char *what, const double *got, const double *want, size_t count, double tolerance)
{
    struct worst worst = {0};

    for (size_t i = 0; i < count; i++)
        look(&worst, got[i], want[i], tolerance);
    return tell(what, &worst, "", worst.at);
}

bool compare_floats(const char *what, const float *got, const float *want, size_t count, double tolerance)
{
    struct worst worst = {0};

    for (size_t i = 0; i < count; i++)
        look(&worst, (double)got[i], (double)want[i], tolerance);
    return tell(what, &worst, "", worst.at);
}

bool compare_number(const char *what, double got, double want, double tolerance)
{
    return compare_doubles(what, &got, &want, 1, tolerance);
}

bool compare_ints(const char *what, const int64_t *got, const int64_t *want, size_t count)
{
    size_t outside = 0, first = 0;

    for (size_t i = 0; i < count; i++)
        if (got[i] != want[i] && outside++ == 0)
            first = i;
    if (outside > 0) {
        (void)printf("%s: FAULT: %zu of %zu differ, first [%zu]: %" PRId64 ", the reference %" PRId64 "\n", what,
                     outside, count, first, got[first], want[first]);
        (void)fflush(stdout);
    }
    return outside == 0;
}

bool compare_rows(const char *what, const char *const *names, const double *got, const double *want,
                  const double *tolerances, size_t rows, size_t width)
{
    struct worst worst = {0};

    for (size_t i = 0; i < rows * width; i++)
        look(&worst, got[i], want[i], tolerances[i / width]);
    return tell(what, &worst, worst.count ? names[worst.at / width] : "", width ? worst.at % width : 0);
}
