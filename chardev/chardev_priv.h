/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What back ends, ports and the mux share. */
#ifndef CHARDEV_CHARDEV_PRIV_H
#define CHARDEV_CHARDEV_PRIV_H

#include <stdio.h>
#include <sys/types.h>

#include "chardev/chardev.h"
#include "chardev/proto_priv.h"
#include "core/keyval.h"
#include "core/vm.h"

#define CHR_QUEUE_HIGH (1u << 20) /* output waits for its reader */
#define CHR_QUEUE_LOW (1u << 19)  /* ... and goes on */
#define CHR_QUEUE_MAX (16u << 20) /* more is dropped */
#define CHR_MUX_INPUT_MAX 65536   /* typed ahead behind a mux */
#define CHR_READ_MAX 4096

typedef struct ChrOption {
    const char *name, *arg, *doc;
} ChrOption;

/* A kind of back end: one row of chr_drivers[]. fd functions run on the I/O
 * thread without the lock. */
typedef struct ChrDriver {
    const char *name;
    const char *alias; /* NULL: none */
    const char *doc;
    const ChrOption *options; /* ends with NULL; without the common ones */
    bool (*open)(Chardev *c, KeyVals *kv, GError **error);
    void (*close)(Chardev *c);
    void (*lost)(Chardev *c);    /* the peer has gone; NULL: nothing to do */
    void (*leaving)(Chardev *c); /* it is going: another may come already */
    /* bytes taken; 0: not now; -1: the peer is gone */
    ssize_t (*write)(Chardev *c, const void *buf, size_t size);
    /* bytes read; 0: end of input; -1: not now */
    ssize_t (*read)(Chardev *c, void *buf, size_t size);
    int (*take_fd)(Chardev *c);          /* one that the peer sent; -1: none */
    char *(*describe)(const Chardev *c); /* NULL: the driver's name */
    bool ends;           /* the end of input is the end of the connection */
    size_t datagram;     /* read() wants a buffer of this size; 0: a stream */
    const char *refused; /* a known name that is not served: why */
} ChrDriver;

typedef struct ChrState {
    Vm *vm;           /* borrowed */
    GMutex lock;      /* output queues, rooms, port counts, ChrFe.backend */
    GPtrArray *all;   /* owned: Chardev *, I/O thread */
    GPtrArray *ports; /* owned: ChrPort *, grows before the machine runs */
    GSource *kick;    /* owned: asks the I/O thread to look at every back end */
    gint kicked;      /* atomic */
    gint full;        /* atomic: back ends whose reader is slow */
    bool running;     /* added by a monitor: nothing may wait for long */
    void (*escape)(Vm *vm, ChrEscape what);
} ChrState;

struct ChrFe {
    Chardev *backend; /* borrowed; lock to change */
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
    char *base;   /* owned: id of what a mux stands on, NULL: no mux */
    const ChrDriver *driver;
    void *data;     /* owned: the driver's */
    GPtrArray *fes; /* owned: ChrFe * */
    int in_fd, out_fd;
    GSource *in, *out; /* owned: watches */
    int in_for;        /* what .in waits for */
    bool linked;       /* there is a peer; before a handshake is done, too */
    bool connected;    /* the peer is at our service; lock to change */
    bool in_ended;     /* no more input will come */
    bool leaving;      /* the peer goes; what it sent is still to be read */
    bool out_gone;     /* nobody reads any more; lock to change */
    bool claimed;      /* "chardev:ID" was said, the front end is to come */
    /* what a peer speaks, I/O thread */
    const ChrProto *proto; /* NULL: plain bytes */
    void *proto_state;     /* owned by .proto */
    GByteArray *raw;       /* owned: read, not yet decoded */
    GByteArray *early;     /* owned: decoded, no room yet */
    ChrSign sign;          /* to be told behind .early */
    GByteArray *wire;      /* owned: encoded, on its way out */
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
    chr_socket_driver, chr_udp_driver, chr_pty_driver, chr_pipe_driver,
    chr_ringbuf_driver, chr_vc_driver, chr_serial_driver;
extern const ChrDriver *const chr_drivers[]; /* ends with NULL */

ChrState *chr_state(Vm *vm); /* made at first use */

/* chardev.c */
Chardev *chr_new(ChrState *st, const ChrDriver *driver, const char *id);
void chr_free(Chardev *c);
/** chr_kick() - have the I/O thread look at all back ends. Thread: any. */
void chr_kick(ChrState *st);
/** chr_service() - bring everything about one back end up to date */
void chr_service(Chardev *c);
/** chr_opened()/chr_lost() - drivers: a peer came or went. Thread: I/O. */
void chr_opened(Chardev *c, int in_fd, int out_fd);
void chr_lost(Chardev *c);
/** chr_set_leaving() - the peer goes, but it may have left something */
void chr_set_leaving(Chardev *c);

/* read.c; Thread: I/O */
bool chr_wants_input(Chardev *c);
void chr_read(Chardev *c);
/** chr_pass_on() - hand over what has been read, as far as there is room */
void chr_pass_on(Chardev *c);
bool chr_all_read(const Chardev *c);

/* create.c */
/** chr_make() - a back end that is open and not yet in the list */
Chardev *chr_make(Vm *vm, KeyVals *kv, const char *label, GError **error);
/** chr_add() - and list it; "mux,chardev=ID" gives the one that was there */
Chardev *chr_add(Vm *vm, KeyVals *kv, const char *label, GError **error);
/** chr_find() - an error names the nearest id */
Chardev *chr_find(Vm *vm, const char *id, GError **error);
void chr_set_mux(Chardev *c);

/* output.c */
/** chr_queue() - append, whole or not at all. Thread: any. */
void chr_queue(Chardev *c, const void *buf, size_t size);
void chr_fe_queue(ChrFe *fe, const void *buf, size_t size, bool from_machine);
size_t chr_queue_length(Chardev *c);
/** chr_unsent() - with what is encoded already. Thread: I/O */
size_t chr_unsent(Chardev *c);
void chr_queue_clear(Chardev *c);
void chr_drain(Chardev *c);
/** chr_flush() - at exit: wait for a reader that goes on reading */
void chr_flush(Chardev *c);

/* fe.c: front ends; Thread: I/O */
ChrFe *chr_fe_attach(Chardev *c, const ChrFeOps *ops, void *opaque,
                     ChrPort *port, GError **error);
void chr_fe_release(gpointer fe);
size_t chr_fe_room(ChrFe *fe);
void chr_fe_receive(ChrFe *fe, const uint8_t *buf, size_t size);
/** chr_fe_event() - false: nobody was told (replay, no such event) */
bool chr_fe_event(ChrFe *fe, ChrEvent event);

/* port.c */
size_t chr_port_room(ChrPort *p);
void chr_port_input(ChrPort *p, const uint8_t *buf, size_t size);
bool chr_port_event(ChrPort *p, ChrEvent event);
void chr_port_free(ChrPort *p);

/* mux.c; Thread: I/O */
size_t mux_room(Chardev *c);
void mux_input(Chardev *c, const uint8_t *buf, size_t size);
void mux_flush(Chardev *c);
void mux_attached(Chardev *c, ChrFe *fe);
void mux_set_focus(Chardev *c, unsigned n);
/** mux_break() - to the front end with the focus; false: nobody was told */
bool mux_break(Chardev *c);
/** mux_stamp() - a time before each line. Lock held. */
void mux_stamp(Chardev *c, const uint8_t *buf, size_t size, GByteArray *out);

/* ringbuf.c */
void ringbuf_put(Chardev *c, const void *buf, size_t size);
void ringbuf_take(Chardev *c, size_t size, GByteArray *out);

/* host descriptors */
/** chr_write_fd() - for ChrDriver.write: write(), 0 when it would wait */
ssize_t chr_write_fd(Chardev *c, const void *buf, size_t size);
/** chr_read_fd() - for ChrDriver.read: an error is the end of input */
ssize_t chr_read_fd(Chardev *c, void *buf, size_t size);

#endif
