/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scalar floating point: bodies that attract each other, in doubles. Only
 * operations that IEEE 754 fixes, so that the last bit is known. */
#include "tests/bench/guests/bench.h"

#define BODIES 5

typedef struct Body {
    double x, y, z, vx, vy, vz, mass;
} Body;

static Body bodies[BODIES];

static inline double root(double v)
{
    __asm__("sqrtsd %0, %0" : "+x"(v));
    return v;
}

static void pull(Body *a, Body *b, double dt)
{
    double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
    double square = dx * dx + dy * dy + dz * dz + 0.01;
    double strength = dt / (square * root(square));
    double fa = b->mass * strength, fb = a->mass * strength;

    a->vx -= dx * fa;
    a->vy -= dy * fa;
    a->vz -= dz * fa;
    b->vx += dx * fb;
    b->vy += dy * fb;
    b->vz += dz * fb;
}

static void step(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int k = i + 1; k < BODIES; k++) {
            pull(&bodies[i], &bodies[k], dt);
        }
    }
    for (int i = 0; i < BODIES; i++) {
        bodies[i].x += bodies[i].vx * dt;
        bodies[i].y += bodies[i].vy * dt;
        bodies[i].z += bodies[i].vz * dt;
    }
}

static uint64_t bits(double v)
{
    union {
        double d;
        uint64_t u;
    } both = {.d = v};

    return both.u;
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t sum = 0;

    for (int i = 0; i < BODIES; i++) {
        bodies[i] = (Body){.x = i * 1.25,
                           .y = 3.0 - i * i * 0.5,
                           .z = i % 2 * 0.75,
                           .vx = 0.1 * i,
                           .vz = 0.05,
                           .mass = 1.0 / (1 + i)};
    }
    for (uint64_t r = 0; r < rounds; r++) {
        for (int i = 0; i < 100; i++) {
            step(0.001);
        }
        sum = mix(sum, bits(bodies[r % BODIES].x));
    }
    return sum;
}
