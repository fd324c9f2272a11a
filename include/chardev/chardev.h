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
/** chardev_from_text() - the forms of -serial, -monitor, -qmp: stdio, pty, vc,
 *  null, none (gives NULL without error), file:F, pipe:F, unix:F[,...],
 *  tcp:H:P[,...], telnet:, websocket:, udp:[H]:P[@[A]:P], /dev/ttyX,
 *  chardev:ID; each with mon: before it. @label names it when the text gives no
 *  id; "chardev:ID" that is somebody's already is an error */
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
/** chardev_help_about() - `-chardev BACKEND,help` */
bool chardev_help_about(const char *backend, GString *out, GError **error);
void chardev_backends_foreach(void (*visit)(void *opaque, const char *name),
                              void *opaque);

/* For monitors; Thread: I/O. An id that is not there: "Chardev 'x' not found". */
/** chardevs_set_running() - from now on nothing that is added may wait long */
void chardevs_set_running(Vm *vm);
/** chardev_hot_remove() - refused while it has a front end */
bool chardev_hot_remove(Vm *vm, const char *id, GError **error);
/** chardev_change() - @options as chardev_add() without id: the front end gets
 *  another back end under the same id; on failure all stays as it was */
bool chardev_change(Vm *vm, const char *id, const char *options,
                    GError **error);
/** chardev_send_break() - an input: refused in replay */
bool chardev_send_break(Vm *vm, const char *id, GError **error);
/** chardev_pty_path() - "/dev/pts/N"; NULL: no such id, or no pty */
const char *chardev_pty_path(Vm *vm, const char *id);
bool chardev_ringbuf_write(Vm *vm, const char *id, const void *buf, size_t size,
                           GError **error);
/** chardev_ringbuf_read() - at most @size bytes; they are gone from the ring */
bool chardev_ringbuf_read(Vm *vm, const char *id, int64_t size, GByteArray *out,
                          GError **error);
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
/** chr_fe_take_fd() - a file descriptor that came along (unix sockets), oldest
 *  first; -1: none. The caller closes it. Thread: I/O */
int chr_fe_take_fd(ChrFe *fe);
/** chr_fe_hold() - take no more input for now, or again. Thread: I/O */
void chr_fe_hold(ChrFe *fe, bool hold);

/** chardev_on_escape() - what Ctrl-A x (quit) and Ctrl-A s (save) do */
typedef enum ChrEscape {
    CHR_ESCAPE_QUIT,
    CHR_ESCAPE_SAVE
} ChrEscape;
void chardev_on_escape(Vm *vm, void (*fn)(Vm *vm, ChrEscape what));

#endif
