/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel as a program of the host: native ROUNDS prints its checksum. */
#include "tests/bench/guests/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
        return 2;
    }
    printf("checksum %016" PRIx64 "\n", kernel(strtoull(argv[1], NULL, 10)));
    return 0;
}
