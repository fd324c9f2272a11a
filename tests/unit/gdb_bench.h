/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An x86 vCPU in 64-bit mode, the gdb stub, and the other end of its line. */
#ifndef TESTS_UNIT_GDB_BENCH_H
#define TESTS_UNIT_GDB_BENCH_H

#include "gdbstub/gdbstub.h"
#include "tests/unit/x86_box.h"

#define GDB_CODE_AT 0x8000u /* code; rip stands there */

typedef struct GdbBench {
    Box *box;
    Vm *vm;
    int fd; /* owned: the debugger's end */
    bool running, quit;
    bool replaying; /* going back is possible */
    GString *calls; /* "stop,cont,step0,left1,..." */
} GdbBench;

GdbBench *gdb_bench_new(void);
void gdb_bench_free(GdbBench *b);
/** gdb_bench_run() - steps until a breakpoint, a watchpoint or @most steps;
 *  tells the stub. As the machine's loop does it. */
void gdb_bench_run(GdbBench *b, unsigned most);
/** gdb_bench_ask() - send @packet framed; what comes back, acks and all */
char *gdb_bench_ask(GdbBench *b, const char *packet);
/** gdb_bench_hang_up() - the debugger's end closes */
void gdb_bench_hang_up(GdbBench *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GdbBench, gdb_bench_free)

#endif
