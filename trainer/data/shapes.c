/* trainer/data/shapes.c: see shapes.h.  Places are in sixteenths of a pixel ("units"); >> rounds down, as gcc and clang
 * define it for negative numbers. */
#include "trainer/data/shapes.h"

#include "trainer/data/rng.h"

#include <stdio.h>

enum { SIDE = SHAPES_SIDE, UNITS = 16 * SIDE, TRIES = 24 };

const char shapes_recipe[] = "shapes-1";

/* How many of a pixel's 16 points are inside, and which pixels may have any. */
struct cover {
    uint8_t points[SIDE][SIDE];
    int left, top, right, bottom; /* px, right and bottom behind the last one */
};

struct point {
    int64_t x, y; /* units */
};

/* Whether a point is inside; shape is what the test needs. */
typedef bool inside(const void *shape, struct point p);

static int clamp(int64_t value, int low, int high)
{
    return (int)(value < low ? low : value > high ? high : value);
}

/* Looks up the points of all pixels that touch centre ± reach. */
static void make_cover(struct cover *cover, struct point low, struct point high, inside *test, const void *shape)
{
    *cover = (struct cover){.left = clamp(low.x >> 4, 0, SIDE),
                            .top = clamp(low.y >> 4, 0, SIDE),
                            .right = clamp((high.x >> 4) + 1, 0, SIDE),
                            .bottom = clamp((high.y >> 4) + 1, 0, SIDE)};
    for (int y = 4 * cover->top; y < 4 * cover->bottom; y++)
        for (int x = 4 * cover->left; x < 4 * cover->right; x++)
            cover->points[y / 4][x / 4] += test(shape, (struct point){4 * x + 2, 4 * y + 2});
}

struct circle {
    struct point centre;
    int64_t radius;
};

static bool in_circle(const void *shape, struct point p)
{
    const struct circle *circle = shape;
    int64_t x = p.x - circle->centre.x, y = p.y - circle->centre.y;

    return x * x + y * y <= circle->radius * circle->radius;
}

struct polygon {
    int count;
    struct point corners[4]; /* in the order in which inner points have cross products >= 0 */
};

static bool in_polygon(const void *shape, struct point p)
{
    const struct polygon *polygon = shape;

    for (int i = 0; i < polygon->count; i++) {
        struct point a = polygon->corners[i], b = polygon->corners[(i + 1) % polygon->count];

        if ((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) < 0)
            return false;
    }
    return true;
}

struct line {
    struct point a, b;
    int64_t half;
};

static bool in_line(const void *shape, struct point p)
{
    const struct line *line = shape;
    int64_t dx = line->b.x - line->a.x, dy = line->b.y - line->a.y, square = dx * dx + dy * dy;
    int64_t along = (p.x - line->a.x) * dx + (p.y - line->a.y) * dy;
    int64_t aside = (p.x - line->a.x) * dy - (p.y - line->a.y) * dx;

    return along >= 0 && along <= square && aside * aside <= line->half * line->half * square;
}

static void cover_line(struct cover *cover, const struct line *line)
{
    struct point low = {line->a.x < line->b.x ? line->a.x : line->b.x, line->a.y < line->b.y ? line->a.y : line->b.y};
    struct point high = {line->a.x + line->b.x - low.x, line->a.y + line->b.y - low.y};

    low.x -= line->half;
    low.y -= line->half;
    high.x += line->half;
    high.y += line->half;
    make_cover(cover, low, high, in_line, line);
}

/* Sine and cosine in 4096ths of the angle whose half has the tangent t / 65536. */
struct turn {
    int64_t sine, cosine;
};

static struct turn draw_turn(struct rng *rng)
{
    const int64_t one = (int64_t)65536 * 65536;
    int64_t t = rng_below(rng, 11557), left = rng_below(rng, 2);
    struct turn turn = {(131072 * t << 12) / (one + t * t), ((one - t * t) << 12) / (one + t * t)};

    if (left)
        turn.sine = -turn.sine;
    return turn;
}

static void cover_polygon(struct cover *cover, struct polygon *polygon, const struct turn *turn, struct point centre,
                          int64_t reach)
{
    for (int i = 0; i < polygon->count; i++) {
        struct point p = polygon->corners[i];

        polygon->corners[i].x = centre.x + ((p.x * turn->cosine - p.y * turn->sine) >> 12);
        polygon->corners[i].y = centre.y + ((p.x * turn->sine + p.y * turn->cosine) >> 12);
    }
    /* rounding may move a corner by a unit */
    make_cover(cover, (struct point){centre.x - reach - 16, centre.y - reach - 16},
               (struct point){centre.x + reach + 16, centre.y + reach + 16}, in_polygon, polygon);
}

/* A figure of random size, place and turn. */
static void draw_figure(struct rng *rng, int kind, struct cover *cover)
{
    int64_t r = rng_between(rng, 104, 368), reach = kind == 0 ? r : r + r / 4; /* of the corners from the centre */
    struct turn turn = draw_turn(rng);
    struct point centre;

    centre.x = rng_between(rng, reach, UNITS - 1 - reach);
    centre.y = rng_between(rng, reach, UNITS - 1 - reach);
    if (kind == 0) {
        struct circle circle = {centre, r};

        make_cover(cover, (struct point){centre.x - r, centre.y - r}, (struct point){centre.x + r, centre.y + r},
                   in_circle, &circle);
    } else if (kind == 1) {
        int64_t h = reach * 181 >> 8;
        struct polygon square = {4, {{-h, -h}, {h, -h}, {h, h}, {-h, h}}};

        cover_polygon(cover, &square, &turn, centre, reach);
    } else {
        int64_t w = reach * 222 >> 8, h = reach >> 1;
        struct polygon triangle = {3, {{0, -reach}, {w, h}, {-w, h}}};

        cover_polygon(cover, &triangle, &turn, centre, reach);
    }
}

/* The extent of the pixels of which half or more is covered. */
static struct shapes_object box_of(const struct cover *cover, int kind)
{
    int left = SIDE, top = SIDE, right = 0, bottom = 0;

    for (int y = cover->top; y < cover->bottom; y++)
        for (int x = cover->left; x < cover->right; x++)
            if (cover->points[y][x] >= 8) {
                left = x < left ? x : left;
                right = x >= right ? x + 1 : right;
                top = y < top ? y : top;
                bottom = y + 1;
            }
    return (struct shapes_object){kind, left, top, right - left, bottom - top};
}

static int common(int a, int a_size, int b, int b_size)
{
    int low = a > b ? a : b, high = a + a_size < b + b_size ? a + a_size : b + b_size;

    return high > low ? high - low : 0;
}

/* Whether the box covers no other by more than 2/5 of the smaller one. */
static bool box_passes(const struct shapes_image *image, const struct shapes_object *box)
{
    for (int i = 0; i < image->count; i++) {
        const struct shapes_object *other = &image->objects[i];
        int both =
            common(box->x, box->width, other->x, other->width) * common(box->y, box->height, other->y, other->height);
        int area = box->width * box->height, other_area = other->width * other->height;

        if (5 * both > 2 * (area < other_area ? area : other_area))
            return false;
    }
    return true;
}

static void draw_colour(struct rng *rng, int colour[3])
{
    for (int c = 0; c < 3; c++)
        colour[c] = (int)rng_below(rng, 256);
}

static void paint(struct shapes_image *image, const struct cover *cover, const int colour[3])
{
    for (int y = cover->top; y < cover->bottom; y++)
        for (int x = cover->left; x < cover->right; x++)
            for (int c = 0; c < 3; c++) {
                uint8_t *byte = &image->pixels[(y * SIDE + x) * 3 + c];
                int k = cover->points[y][x];

                *byte = (uint8_t)((*byte * (16 - k) + colour[c] * k + 8) >> 4);
            }
}

static void paint_ground(struct rng *rng, struct shapes_image *image, int ground[3])
{
    int64_t slope[3][2];

    for (int c = 0; c < 3; c++)
        ground[c] = (int)rng_below(rng, 112);
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 2; k++)
            slope[c][k] = rng_between(rng, -40, 40);
    for (int i = 0; i < SHAPES_BYTES; i++) {
        int c = i % 3, x = 2 * (i / 3 % SIDE) - (SIDE - 1), y = 2 * (i / 3 / SIDE) - (SIDE - 1);

        image->pixels[i] = (uint8_t)clamp(ground[c] + ((slope[c][0] * x + slope[c][1] * y) >> 8), 0, 255);
    }
}

static void paint_lines(struct rng *rng, struct shapes_image *image, struct cover *cover)
{
    for (int64_t left = rng_between(rng, 2, 6); left > 0; left--) {
        struct line line;
        int colour[3];

        line.a.x = rng_below(rng, UNITS);
        line.a.y = rng_below(rng, UNITS);
        line.b.x = rng_below(rng, UNITS);
        line.b.y = rng_below(rng, UNITS);
        line.half = rng_between(rng, 8, 20);
        draw_colour(rng, colour);
        cover_line(cover, &line);
        paint(image, cover, colour);
    }
}

static void paint_object(struct rng *rng, struct shapes_image *image, const int ground[3], struct cover *cover)
{
    int kind = (int)rng_below(rng, SHAPES_KINDS), colour[3];

    do
        draw_colour(rng, colour);
    while (colour[0] + colour[1] + colour[2] < ground[0] + ground[1] + ground[2] + 200);
    for (int i = 0; i < TRIES; i++) {
        struct shapes_object box;

        draw_figure(rng, kind, cover);
        box = box_of(cover, kind);
        if (box_passes(image, &box)) {
            image->objects[image->count++] = box;
            paint(image, cover, colour);
            return;
        }
    }
}

/* FNV-1a-64 of "shapes-1|<split>|<index>" */
static struct rng rng_of_image(enum split split, int64_t index)
{
    char name[64];
    struct rng rng = {0xcbf29ce484222325};

    (void)snprintf(name, sizeof(name), "%s|%s|%lld", shapes_recipe, split_name(split), (long long)index);
    for (const char *at = name; *at; at++)
        rng.state = (rng.state ^ (unsigned char)*at) * 0x100000001b3;
    return rng;
}

void shapes_make(enum split split, int64_t index, struct shapes_image *image)
{
    struct rng rng = rng_of_image(split, index);
    struct cover cover;
    int ground[3];
    int64_t strong;

    image->count = 0;
    paint_ground(&rng, image, ground);
    paint_lines(&rng, image, &cover);
    for (int64_t left = rng_between(&rng, 1, SHAPES_MOST); left > 0; left--)
        paint_object(&rng, image, ground, &cover);
    strong = rng_between(&rng, 4, 20);
    for (int i = 0; i < SHAPES_BYTES; i++)
        image->pixels[i] = (uint8_t)clamp(image->pixels[i] + rng_below(&rng, 2 * strong + 1) - strong, 0, 255);
}
