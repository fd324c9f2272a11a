/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character back ends of the host side. They live on the I/O thread; a back end
 * has one front end, a mux has several (Ctrl-A c switches).
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include "chardev/port.h"

/** chardev_add() - `-chardev BACKEND,id=ID,...` */
Chardev *chardev_add(Vm *vm, const char *options, GError **error);
/** chardev_from_text() - the -serial/-monitor/-qmp forms: stdio, mon:stdio,
 *  file:PATH, null, none (gives NULL without error), unix:PATH[,server=on]
 *  [,wait=off], chardev:ID ... @label names it when the text gives no id */
bool chardev_from_text(Vm *vm, const char *text, const char *label,
                       Chardev **out, GError **error);
Chardev *chardev_find(Vm *vm, const char *id);
/** chardev_remove() - a back end without front ends goes; not from its own
 *  callbacks. Thread: I/O */
void chardev_remove(Chardev *c);
/** chardev_make_mux() - allow several front ends */
Chardev *chardev_make_mux(Chardev *c);
bool chardev_is_mux(const Chardev *c);
bool chardev_uses_stdio(const Chardev *c);
/** chardevs_foreach() - @filename: what it is, in words; @open: somebody uses
 *  it. Creation order. */
typedef void ChardevVisit(void *opaque, const char *id, const char *filename,
                          bool open);
void chardevs_foreach(Vm *vm, ChardevVisit *visit, void *opaque);
void chardevs_print(Vm *vm, GString *out); /* `info chardev` */
void chardev_help(GString *out);           /* `-chardev help` */
/** chardevs_close() - flush, restore the terminal, free back ends and ports: no
 *  device runs after it. Thread: I/O, at exit, the machine thread has ended. */
void chardevs_close(Vm *vm);

/* A host-side front end (monitor, gdb). All calls on the I/O thread. */
typedef struct ChrFe ChrFe;
typedef struct ChrFeOps {
    void (*receive)(void *opaque, const uint8_t *buf, size_t size);
    void (*event)(void *opaque, ChrEvent event);
} ChrFeOps;
ChrFe *chr_fe_new(Chardev *backend, const ChrFeOps *ops, void *opaque,
                  GError **error);
void chr_fe_free(ChrFe *fe);
/** chr_fe_write() - queued as a whole, or dropped as a whole when the peer has
 *  not read for too long. Thread: any. */
void chr_fe_write(ChrFe *fe, const void *buf, size_t size);
/** chr_fe_hold() - take no more input for now, or again. Thread: I/O */
void chr_fe_hold(ChrFe *fe, bool hold);

/** chardev_on_escape() - what Ctrl-A x (quit) and Ctrl-A s (save) do */
typedef enum ChrEscape {
    CHR_ESCAPE_QUIT,
    CHR_ESCAPE_SAVE
} ChrEscape;
void chardev_on_escape(Vm *vm, void (*fn)(Vm *vm, ChrEscape what));

#endif
