/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard controller with auxiliary port. Source: IBM PS/2 Hardware Interface
 * Technical Reference, "Keyboard and Auxiliary Device Controller", cited as
 * IBM; pulse and A20 commands: IBM PC AT Technical Reference.
 *
 * A byte from a device takes BYTE_NS to arrive, a quarter of what the slowest
 * wire needs; answers of the controller itself are there at once.
 *
 * Not modelled: input buffer full (commands take no time), parity and timeout
 * errors, password, keyboard lock.
 */
#include "hw/i8042.h"

#include "core/vm.h"
#include "hw/ps2.h"

#define BYTE_NS 200000

#define ST_OBF 0x01
#define ST_SYS 0x04
#define ST_COMMAND 0x08
#define ST_UNLOCKED 0x10
#define ST_AUX_OBF 0x20
#define CB_IRQ1 0x01
#define CB_IRQ12 0x02
#define CB_SYS 0x04
#define CB_NO_KBD 0x10
#define CB_NO_AUX 0x20
#define CB_TRANSLATE 0x40
#define OUT_RESET 0x01 /* active low */
#define OUT_A20 0x02
#define OUT_OBF 0x10
#define OUT_AUX_OBF 0x20
#define RAM_SIZE 32 /* byte 0 is the command byte */

typedef struct I8042 {
    Device dev;
    uint8_t ram[RAM_SIZE];
    uint8_t outport; /* reset and A20 */
    uint8_t data;    /* output buffer */
    bool full, aux;  /* output buffer: full, from the auxiliary side */
    bool last_command;
    uint8_t command; /* waits for its parameter; 0: none */
    bool broken;     /* translation has seen 0xf0 */
    Timer wire;      /* a device's byte arrives */
    Device *kbd;     /* borrowed: from the board */
    Device *mouse;   /* borrowed: from the board */
    IrqLine *irq1;   /* borrowed: from the board */
    IrqLine *irq12;  /* borrowed: from the board */
    IrqLine *a20;    /* borrowed: from the board */
} I8042;

/* IBM, "Scan Code Translation": set 2 to set 1; above 0x7f all stay but two. */
/* clang-format off */
static const uint8_t translation[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58,
    0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a,
    0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c,
    0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e,
    0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60,
    0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e,
    0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b,
    0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
    0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};
/* clang-format on */

/* --- output buffer -------------------------------------------------------- */

static void i8042_update(I8042 *k)
{
    irq_set(k->irq1, k->full && !k->aux && (k->ram[0] & CB_IRQ1));
    irq_set(k->irq12, k->full && k->aux && (k->ram[0] & CB_IRQ12));
}

static bool i8042_kbd_ready(const I8042 *k)
{
    return k->kbd && !(k->ram[0] & CB_NO_KBD) && ps2_has_byte(k->kbd);
}

static bool i8042_mouse_ready(const I8042 *k)
{
    return k->mouse && !(k->ram[0] & CB_NO_AUX) && ps2_has_byte(k->mouse);
}

/* Let the next byte of a device come in, if there is one and room for it. */
static void i8042_listen(I8042 *k)
{
    if (k->full || timer_armed(&k->wire)
        || (!i8042_kbd_ready(k) && !i8042_mouse_ready(k))) {
        return;
    }
    timer_arm(&k->wire, virt_add(dev_now(&k->dev), BYTE_NS));
}

static void i8042_put(I8042 *k, uint8_t v, bool aux)
{
    /* the interrupt is an edge: a byte that replaces another makes one too */
    k->full = false;
    i8042_update(k);
    k->data = v;
    k->aux = aux;
    k->full = true;
    i8042_update(k);
}

static bool i8042_translate(I8042 *k, uint8_t *v)
{
    if (!(k->ram[0] & CB_TRANSLATE)) {
        return true;
    }
    if (*v == 0xf0) {
        k->broken = true;
        return false;
    }
    if (*v < 0x80) {
        *v = translation[*v];
    } else if (*v == 0x83) {
        *v = 0x41;
    } else if (*v == 0x84) {
        *v = 0x54;
    }
    *v |= k->broken ? 0x80 : 0;
    k->broken = false;
    return true;
}

static void i8042_wire(Device *dev)
{
    I8042 *k = (I8042 *)dev;

    if (k->full) {
        return;
    }
    if (i8042_kbd_ready(k)) {
        uint8_t v = ps2_take_byte(k->kbd);

        if (i8042_translate(k, &v)) {
            i8042_put(k, v, false);
        }
    } else if (i8042_mouse_ready(k)) {
        i8042_put(k, ps2_take_byte(k->mouse), true);
    }
    i8042_listen(k);
}

static void i8042_ready(Device *dev)
{
    i8042_listen((I8042 *)dev);
}

/* --- commands ------------------------------------------------------------- */

static void i8042_set_outport(I8042 *k, uint8_t v)
{
    k->outport = v & (OUT_RESET | OUT_A20);
    irq_set(k->a20, v & OUT_A20);
    if (!(v & OUT_RESET)) {
        k->outport |= OUT_RESET; /* the reset itself sets the pin again */
        vm_request(k->dev.vm, VM_REQ_RESET, VM_CAUSE_GUEST_RESET);
    }
}

static uint8_t i8042_read_outport(const I8042 *k)
{
    uint8_t v = k->outport | 0xcc;

    if (k->full) {
        v |= k->aux ? OUT_AUX_OBF : OUT_OBF;
    }
    return v;
}

static void i8042_command(I8042 *k, uint8_t v)
{
    k->command = 0;
    switch (v) {
    case 0x20 ... 0x3f:
        i8042_put(k, k->ram[v & 0x1f], false);
        break;
    case 0x60 ... 0x7f:
    case 0xd1 ... 0xd4:
        k->command = v;
        break;
    case 0xa7:
        k->ram[0] |= CB_NO_AUX;
        break;
    case 0xa8:
        k->ram[0] &= ~CB_NO_AUX;
        break;
    case 0xaa:
        k->ram[0] |= CB_SYS;
        i8042_put(k, 0x55, false);
        break;
    case 0xa9:
    case 0xab:
        i8042_put(k, 0x00, false);
        break;
    case 0xad:
        k->ram[0] |= CB_NO_KBD;
        break;
    case 0xae:
        k->ram[0] &= ~CB_NO_KBD;
        break;
    case 0xc0:
        i8042_put(k, 0x80, false); /* input port: not locked */
        break;
    case 0xd0:
        i8042_put(k, i8042_read_outport(k), false);
        break;
    case 0xdd:
        i8042_set_outport(k, k->outport & ~OUT_A20);
        break;
    case 0xdf:
        i8042_set_outport(k, k->outport | OUT_A20);
        break;
    case 0xe0:
        i8042_put(k, 0x00, false); /* test inputs */
        break;
    case 0xf0 ... 0xff:
        if (!(v & 1)) {
            i8042_set_outport(k, k->outport & ~OUT_RESET);
        }
        break;
    default:
        guest_error(&k->dev, "command %#x", v);
        break;
    }
}

static void i8042_parameter(I8042 *k, uint8_t command, uint8_t v)
{
    switch (command) {
    case 0x60 ... 0x7f:
        k->ram[command & 0x1f] = v;
        break;
    case 0xd1:
        i8042_set_outport(k, v);
        break;
    case 0xd2:
        i8042_put(k, v, false);
        break;
    case 0xd3:
        i8042_put(k, v, true);
        break;
    case 0xd4:
        k->ram[0] &= ~CB_NO_AUX;
        if (k->mouse) {
            ps2_send(k->mouse, v);
        }
        break;
    default: /* to the keyboard, which it enables: IBM, "Port 0x60" */
        k->ram[0] &= ~CB_NO_KBD;
        if (k->kbd) {
            ps2_send(k->kbd, v);
        }
        break;
    }
}

/* --- ports ---------------------------------------------------------------- */

static uint64_t i8042_read_data(Device *dev, uint64_t off, unsigned size)
{
    I8042 *k = (I8042 *)dev;

    k->full = false;
    i8042_update(k);
    i8042_listen(k);
    return k->data;
}

static uint64_t i8042_peek_data(Device *dev, uint64_t off, unsigned size)
{
    return ((I8042 *)dev)->data;
}

static void i8042_write_data(Device *dev, uint64_t off, uint64_t v,
                             unsigned size)
{
    I8042 *k = (I8042 *)dev;
    uint8_t command = k->command;

    k->command = 0;
    k->last_command = false;
    i8042_parameter(k, command, (uint8_t)v);
    i8042_update(k);
    i8042_listen(k);
}

static uint64_t i8042_read_status(Device *dev, uint64_t off, unsigned size)
{
    I8042 *k = (I8042 *)dev;
    uint8_t v = ST_UNLOCKED;

    v |= k->full ? ST_OBF : 0;
    v |= k->full && k->aux ? ST_AUX_OBF : 0;
    v |= k->ram[0] & CB_SYS ? ST_SYS : 0;
    v |= k->last_command ? ST_COMMAND : 0;
    return v;
}

static void i8042_write_command(Device *dev, uint64_t off, uint64_t v,
                                unsigned size)
{
    I8042 *k = (I8042 *)dev;

    k->last_command = true;
    i8042_command(k, (uint8_t)v);
    i8042_update(k);
    i8042_listen(k);
}

static const MemOps i8042_data_ops = {
    .read = i8042_read_data,
    .write = i8042_write_data,
    .peek = i8042_peek_data,
    .max_size = 1,
};

static const MemOps i8042_command_ops = {
    .read = i8042_read_status,
    .write = i8042_write_command,
    .peek = i8042_read_status,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

void i8042_connect(Device *dev, IrqLine *irq1, IrqLine *irq12, IrqLine *a20)
{
    I8042 *k = (I8042 *)dev;

    k->irq1 = irq1;
    k->irq12 = irq12;
    k->a20 = a20;
}

void i8042_attach(Device *dev, Device *kbd, Device *mouse)
{
    I8042 *k = (I8042 *)dev;

    k->kbd = kbd;
    k->mouse = mouse;
    if (kbd) {
        ps2_set_ready(kbd, dev, i8042_ready);
    }
    if (mouse) {
        ps2_set_ready(mouse, dev, i8042_ready);
    }
}

static bool i8042_realize(Device *dev, GError **error)
{
    Vm *vm = dev->vm;

    timer_init(&((I8042 *)dev)->wire, dev, i8042_wire);
    mem_add(vm->io_root, 0x60,
            mem_io(vm, "i8042-data", dev, &i8042_data_ops, 1), 0);
    mem_add(vm->io_root, 0x64,
            mem_io(vm, "i8042-command", dev, &i8042_command_ops, 1), 0);
    return true;
}

static void i8042_reset_done(Device *dev)
{
    I8042 *k = (I8042 *)dev;

    k->ram[0] = CB_IRQ1 | CB_IRQ12 | CB_TRANSLATE;
    irq_set(k->a20, k->outport & OUT_A20);
    i8042_update(k);
}

/* clang-format off */
static const StateField i8042_state[] = {
    STATE(I8042, ram, .doc = "byte 0: command byte"),
    STATE(I8042, outport, .reset = OUT_RESET | OUT_A20),
    STATE(I8042, data),
    STATE(I8042, full),
    STATE(I8042, aux),
    STATE(I8042, last_command),
    STATE(I8042, command),
    STATE(I8042, broken),
    STATE(I8042, wire),
    WIRE(I8042, kbd),
    WIRE(I8042, mouse),
    WIRE(I8042, irq1),
    WIRE(I8042, irq12),
    WIRE(I8042, a20),
    STATE_END,
};
/* clang-format on */

const DeviceType i8042_type = {
    .name = "i8042",
    .size = sizeof(I8042),
    .state = i8042_state,
    .doc = "keyboard controller",
    .realize = i8042_realize,
    .reset_done = i8042_reset_done,
};
