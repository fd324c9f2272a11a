/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What back ends, ports and the mux share. */
#ifndef CHARDEV_CHARDEV_PRIV_H
#define CHARDEV_CHARDEV_PRIV_H

#include <stdio.h>
#include <sys/types.h>

#include "chardev/chardev.h"
#include "core/keyval.h"
#include "core/vm.h"

#define CHR_QUEUE_HIGH (1u << 20) /* output waits for its reader */
#define CHR_QUEUE_LOW (1u << 19)  /* ... and goes on */
#define CHR_QUEUE_MAX (16u << 20) /* more is dropped */
#define CHR_MUX_INPUT_MAX 65536   /* typed ahead behind a mux */
#define CHR_READ_MAX 4096

/* A kind of back end: one row of chr_drivers[]. fd functions run on the I/O
 * thread without the lock. */
typedef struct ChrDriver {
    const char *name;
    const char *doc;
    const char *const *options; /* NULL-terminated; without the common ones */
    bool (*open)(Chardev *c, KeyVals *kv, GError **error); /* NULL: not yet */
    void (*close)(Chardev *c);
    void (*lost)(Chardev *c); /* the peer has gone; NULL: nothing to do */
    /* bytes taken; 0: not now; -1: the peer is gone */
    ssize_t (*write)(Chardev *c, const void *buf, size_t size);
    /* bytes read; 0: end of input; -1: not now */
    ssize_t (*read)(Chardev *c, void *buf, size_t size);
    char *(*describe)(const Chardev *c);
} ChrDriver;

typedef struct ChrState {
    Vm *vm;           /* borrowed */
    GMutex lock;      /* output queues, rooms, port counts */
    GPtrArray *all;   /* owned: Chardev *, I/O thread */
    GPtrArray *ports; /* owned: ChrPort *, grows before the machine runs */
    GSource *kick;    /* owned: asks the I/O thread to look at every back end */
    gint kicked;      /* atomic */
    gint full;        /* atomic: back ends whose reader is slow */
    void (*escape)(Vm *vm, ChrEscape what);
} ChrState;

struct ChrFe {
    Chardev *backend; /* borrowed */
    const ChrFeOps *ops;
    void *opaque;
    ChrPort *port;       /* borrowed: its port, NULL for a host front end */
    GByteArray *pending; /* owned: typed, but no room yet (mux) */
    bool greeted;        /* has been told OPENED */
    bool hold;           /* takes no input for now */
};

struct Chardev {
    ChrState *st; /* borrowed */
    char *id;     /* owned */
    const ChrDriver *driver;
    void *data;     /* owned: the driver's */
    GPtrArray *fes; /* owned: ChrFe * */
    int in_fd, out_fd;
    GSource *in, *out; /* owned: watches */
    bool connected;    /* somebody is there; lock to change */
    bool in_ended;     /* no more input will come */
    /* output, under the lock */
    GByteArray *queue; /* owned */
    size_t head;       /* of queue: already written */
    bool full;         /* counted in st->full */
    uint64_t dropped;  /* bytes */
    FILE *log;         /* owned: logfile=, or NULL */
    /* mux, I/O thread; stamps and line_start under the lock */
    bool mux;
    bool escape; /* the last byte was Ctrl-A */
    unsigned focus;
    bool focus_set; /* a person has chosen */
    bool stamps;
    bool line_start;
    int64_t stamp_base_ns;
};

extern const ChrDriver chr_null_driver, chr_stdio_driver, chr_file_driver,
    chr_socket_driver;

ChrState *chr_state(Vm *vm); /* made at first use */

/* chardev.c */
ChrFe *chr_fe_attach(Chardev *c, const ChrFeOps *ops, void *opaque,
                     ChrPort *port, GError **error);
/** chr_kick() - have the I/O thread look at all back ends. Thread: any. */
void chr_kick(ChrState *st);
/** chr_opened()/chr_lost() - drivers: a peer came or went. Thread: I/O. */
void chr_opened(Chardev *c, int in_fd, int out_fd);
void chr_lost(Chardev *c);

/* output.c */
/** chr_queue() - append, whole or not at all. Thread: any. */
void chr_queue(Chardev *c, const void *buf, size_t size, bool from_machine);
size_t chr_queue_length(Chardev *c);
void chr_queue_clear(Chardev *c);
void chr_drain(Chardev *c);
/** chr_flush() - at exit: wait for a reader that goes on reading */
void chr_flush(Chardev *c);

/* front ends; Thread: I/O */
size_t chr_fe_room(ChrFe *fe);
void chr_fe_receive(ChrFe *fe, const uint8_t *buf, size_t size);
void chr_fe_event(ChrFe *fe, ChrEvent event);

/* port.c */
size_t chr_port_room(ChrPort *p);
void chr_port_input(ChrPort *p, const uint8_t *buf, size_t size);
void chr_port_event(ChrPort *p, ChrEvent event);
void chr_port_free(ChrPort *p);

/* mux.c; Thread: I/O */
size_t mux_room(Chardev *c);
void mux_input(Chardev *c, const uint8_t *buf, size_t size);
void mux_flush(Chardev *c);
void mux_attached(Chardev *c, ChrFe *fe);
void mux_set_focus(Chardev *c, unsigned n);
/** mux_stamp() - a time before each line. Lock held. */
void mux_stamp(Chardev *c, const uint8_t *buf, size_t size, GByteArray *out);

#endif
