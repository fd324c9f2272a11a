/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tiny machine with the loop of docs/architecture.md: one vCPU that mixes
 * numbers into its RAM, halts, takes interrupts of a timer and of an input,
 * and may switch itself off. For the tests of replay/.
 */
#ifndef TESTS_UNIT_REPLAY_MACHINE_H
#define TESTS_UNIT_REPLAY_MACHINE_H

#include "replay/log_file.h"

#define MACHINE_PAGES 64

typedef struct MachineSetup {
    const char *options; /* -icount text; %s stands for the file */
    const char *file;
    const char *ram;      /* seal field; NULL: "256K" */
    uint64_t input_every; /* steps between inputs, record only; 0: none */
    uint64_t stop_at;     /* the host ends the run here; 0: the guest does */
    uint64_t off_at;      /* the guest switches off at this icount; 0: never */
    int64_t tick_ns;      /* 0: no timer */
    uint64_t wrong_at;    /* a step that computes something else; 0: none */
    uint64_t wrong_write; /* a step that writes another page; 0: none */
    unsigned extra_slice; /* random slices up to so many steps; 0: no limit */
    unsigned frame_every; /* record: passes between frames; 0: by age */
    uint64_t disk_bytes;  /* record: the disk is full then, at first */
    bool kernel, other_kernel; /* a payload blob, by digest */
} MachineSetup;

typedef enum MachineResult {
    MACHINE_REFUSED, /* at the start */
    MACHINE_ENDED,
    MACHINE_DIVERGED,
    MACHINE_STUCK, /* too many passes */
} MachineResult;

typedef struct MachineRun {
    MachineResult result;
    uint64_t icount, digest, inputs;
    int64_t virt_ns;
    unsigned full;     /* how often the disk was full */
    uint64_t restored; /* checkpoints gone back to */
    char *text;        /* owned: error or report */
} MachineRun;

/** machine_run() - build, run to its end, take apart */
void machine_run(const MachineSetup *s, MachineRun *out);
void machine_run_clear(MachineRun *run);

/** machine_file() - a fresh name in a temporary folder; free with
 *  machine_file_free(), which removes both */
char *machine_file(void);
void machine_file_free(char *file);

#endif
