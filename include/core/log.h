/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -d categories and their output file. Looking only: never changes the guest. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/types.h"

typedef enum LogBit {
    LOG_IN_ASM = 1 << 0,
    LOG_OP = 1 << 1,
    LOG_OUT_ASM = 1 << 2,
    LOG_INT = 1 << 3,
    LOG_EXEC = 1 << 4,
    LOG_CPU = 1 << 5,
    LOG_GUEST_ERROR = 1 << 6,
    LOG_UNIMP = 1 << 7,
    LOG_MMU = 1 << 8,
    LOG_RESET = 1 << 9,
    LOG_PAGE = 1 << 10,
    LOG_NOCHAIN = 1 << 11,
} LogBit;

typedef struct LogName {
    const char *name; /* as in -d name */
    LogBit bit;
    const char *doc;
} LogName;

extern const LogName log_names[]; /* ends with a NULL name */

/** log_parse() - "in_asm,int,..." to a mask; error names the nearest match */
bool log_parse(const char *list, unsigned *mask, GError **error);
/** log_open() - choose mask and file (NULL: stderr); Thread: any, once */
bool log_open(Vm *vm, unsigned mask, const char *path, GError **error);
void log_close(Vm *vm);
/** log_mask()/log_set_mask() - what is logged now; the file stays.
 *  Thread: machine. */
unsigned log_mask(const Vm *vm);
bool log_set_mask(Vm *vm, unsigned mask, GError **error);

/** log_on() - is one of @bits wanted? Cheap. */
bool log_on(const Vm *vm, unsigned bits);
void log_write(Vm *vm, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/**
 * guest_error() - the guest did what its manual forbids; logged under
 * guest_errors at a limited rate (by count, never by host time), else ignored
 * Thread: machine.
 */
void guest_error(const Device *dev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/** guest_unimp() - the guest used a thing that is not modelled */
void guest_unimp(const Device *dev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
