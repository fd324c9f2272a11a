/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the gdb stub. */
#ifndef GDBSTUB_GDB_PRIV_H
#define GDBSTUB_GDB_PRIV_H

#include "accel/vcpu.h"
#include "chardev/chardev.h"
#include "gdbstub/gdbstub.h"

#define GDB_PACKET_MAX 16384 /* bytes between $ and # */
#define GDB_POINTS_MAX 4096
#define GDB_WATCH_MAX 65536     /* bytes of one watchpoint */
#define GDB_CONDITIONS_MAX 16   /* of one breakpoint */
#define GDB_CONDITION_BYTES 512 /* of one condition */

/* --- packet.c: framing ----------------------------------------------------------- */

typedef enum PacketEvent {
    PACKET_MORE,
    PACKET_DONE,  /* .data is a packet */
    PACKET_BAD,   /* checksum or coding: ask again */
    PACKET_LONG,  /* too long: dropped */
    PACKET_ACK,   /* + */
    PACKET_NAK,   /* - */
    PACKET_BREAK, /* Ctrl-C */
} PacketEvent;

typedef struct PacketReader {
    GByteArray *data; /* owned; a NUL stands behind it */
    unsigned state;
    uint8_t sum, want; /* checksum computed, and as sent */
    bool escaped, repeat, bad, over;
} PacketReader;

void packet_init(PacketReader *r);
void packet_fini(PacketReader *r);
PacketEvent packet_feed(PacketReader *r, uint8_t byte);
/** packet_wrap() - append $body#checksum, escaped where needed */
void packet_wrap(GString *out, const char *body, size_t size);

/* What is left of a packet; binary. */
typedef struct Scan {
    const char *at, *end;
} Scan;
bool scan_char(Scan *s, char c); /* take it if it comes */
bool scan_word(Scan *s, const char *word);
bool scan_hex(Scan *s, uint64_t *out); /* 1 to 16 digits */
/** scan_bytes() - @size bytes in hexadecimal */
bool scan_bytes(Scan *s, uint8_t *out, size_t size);
size_t scan_left(const Scan *s);
void hex_append(GString *out, const void *buf, size_t size);

/* --- the session -------------------------------------------------------------------- */

typedef struct GdbPoint {
    unsigned type; /* 0-4, as in Z packets */
    uint64_t at, size;
    GPtrArray *conditions; /* owned: GBytes *; empty: always */
} GdbPoint;

typedef struct GdbState {
    Vm *vm;            /* borrowed */
    const GdbOps *ops; /* borrowed */
    ChrFe *fe;         /* owned: or NULL */
    Chardev *backend;  /* made for this server; NULL: a person's */
    unsigned opened;   /* servers so far, for names */
    gint connected;    /* atomic */
    /* I/O thread */
    PacketReader in;
    bool serving; /* a packet is at work */
    GMutex lock;
    GString *last; /* owned: sent and not acknowledged; under lock */
    bool noack;    /* under lock */
    /* machine thread */
    bool attached;
    bool owns_stop; /* it is the debugger who stopped the machine */
    bool waiting;   /* it wants a stop reply */
    bool multiprocess, swbreak, hwbreak;
    bool physical;         /* memory packets are physical */
    unsigned g_vcpu;       /* of registers and memory */
    int c_vcpu;            /* of c and s; -1: any */
    GArray *points;        /* owned: GdbPoint */
    const CpuGdb *regs_of; /* what .regs was made from */
    GPtrArray *regs;       /* owned: const CpuRegRow *, by number */
    GString *reply;        /* owned: of the packet at work */
    bool no_reply;
} GdbState;

typedef void GdbFn(GdbState *g, Scan *s);
/* A packet by how it begins; @whole: nothing may follow. */
typedef struct GdbRow {
    const char *prefix;
    GdbFn *fn;
    bool whole;
} GdbRow;
extern const GdbRow gdb_query_rows[];

/** gdb_send() - one packet. Thread: any. */
void gdb_send(GdbState *g, const char *body, size_t size);
void gdb_ok(GdbState *g);
#define GDB_EFAULT 0x14 /* as sent: E14 */
#define GDB_EINVAL 0x22
void gdb_error(GdbState *g, unsigned code);
Vcpu *gdb_vcpu(const GdbState *g, unsigned n);
/** gdb_thread() - parse a thread id. False: no such. @out: vCPU number,
 *  or -1 for all or any */
bool gdb_thread(GdbState *g, Scan *s, int *out);
void gdb_thread_id(const GdbState *g, unsigned vcpu, GString *out);
/** gdb_stop_reply() - text of a stop reply */
void gdb_stop_reply(GdbState *g, const GdbStop *why, GString *out);
/** gdb_halt() - the machine stops because of the debugger */
void gdb_halt(GdbState *g);

/* registers.c */
const GPtrArray *gdb_registers(GdbState *g);
GdbFn gdb_cmd_read_all, gdb_cmd_write_all, gdb_cmd_read_reg, gdb_cmd_write_reg;
/** gdb_description() - target.xml */
void gdb_description(GdbState *g, GString *out);

/* memory.c */
GdbFn gdb_cmd_read_mem, gdb_cmd_write_mem, gdb_cmd_write_bin;
bool gdb_peek(const GdbState *g, Vcpu *v, uint64_t at, void *buf, size_t size);
/** gdb_write_reg() - a recorded action; false: refused, @error set */
bool gdb_write_reg(GdbState *g, Vcpu *v, unsigned reg, const uint8_t *value,
                   GError **error);

/* points.c */
GdbFn gdb_cmd_insert, gdb_cmd_remove;
void gdb_points_clear(GdbState *g);

/* resume.c */
GdbFn gdb_cmd_continue, gdb_cmd_continue_sig, gdb_cmd_step, gdb_cmd_step_sig,
    gdb_cmd_vcont, gdb_cmd_vcont_query, gdb_cmd_step_back, gdb_cmd_cont_back;

/* condition.c */
/** condition_true() - evaluate agent bytecode; true as well when it is wrong */
bool condition_true(GdbState *g, Vcpu *v, const uint8_t *code, size_t size);

#endif
