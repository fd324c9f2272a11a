/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine without a board, and the other end of a character back end. */
#ifndef TESTS_UNIT_CHR_BENCH_H
#define TESTS_UNIT_CHR_BENCH_H

#include "chardev/chardev.h"
#include "core/vm.h"

/** chr_pump() - let the I/O thread's work be done until nothing is ready */
void chr_pump(void);
/** chr_pair() - a back end "socket,fd=..." called @id with @more options; the
 *  non-blocking descriptor of the other end */
int chr_pair(Vm *vm, const char *id, const char *more, Chardev **out);
/** chr_hear() - what the other end can read now, after pumping */
char *chr_hear(int fd);
void chr_say(int fd, const char *text);

/* A device that takes bytes. Its address stands for the Device. */
typedef struct ChrSink {
    GString *got;
    GString *events; /* a letter each: b o c */
} ChrSink;
ChrSink *chr_sink_new(void);
void chr_sink_free(ChrSink *s);
void chr_sink_connect(ChrSink *s, ChrPort *p);
/** chr_deliver() - what the machine thread does with posted input; bytes */
size_t chr_deliver(Vm *vm);

#endif
