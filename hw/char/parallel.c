/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard parallel port (SPP) with a printer that takes every byte. Sources:
 * IBM PC AT Technical Reference, "Printer Adapter" (cited as AT); IEEE 1284-2000
 * for the compatibility mode handshake and the direction bit.
 *
 * A byte is taken when nStrobe falls. The printer is busy for a while of
 * virtual time, then nAck is low for a while; the interrupt comes with nAck.
 * The times are far shorter than a printer's, so that a guest does not wait for
 * paper.
 *
 * Not modelled: EPP, ECP, reading from the printer (a guest that turns the data
 * lines around reads ones), out of paper and other faults.
 */
#include "hw/parallel.h"

#include "core/vm.h"

#define BUSY_NS 5000
#define ACK_NS 1000

/* AT: the status register; 0 to 2 are not connected */
#define ST_UNUSED 0x07
#define ST_NO_ERROR 0x08
#define ST_SELECTED 0x10
#define ST_NOT_ACK 0x40
#define ST_NOT_BUSY 0x80
/* AT: the control register; 6 and 7 are not connected */
#define CT_STROBE 0x01
#define CT_INIT 0x04 /* 0: the printer is being initialized */
#define CT_IRQ 0x10
#define CT_INPUT 0x20
#define CT_WRITABLE 0x3f
#define CT_UNUSED 0xc0

typedef enum PrinterPhase {
    PRINTER_IDLE,
    PRINTER_BUSY,
    PRINTER_ACK,
    PRINTER_PHASES
} PrinterPhase;

typedef struct Parallel {
    Device dev;
    uint8_t data, ctrl;
    uint8_t phase; /* PrinterPhase */
    Timer timer;   /* end of the phase */
    uint32_t index, irq_num, iobase;
    char *chardev;
    IrqLine *irq;  /* borrowed: from the board */
    ChrPort *port; /* borrowed: of the Vm */
} Parallel;

/* AT: -ACK is the interrupt, if the guest lets it through. */
static void parallel_update(Parallel *p)
{
    irq_set(p->irq, p->phase == PRINTER_ACK && (p->ctrl & CT_IRQ));
}

static void parallel_enter(Parallel *p, PrinterPhase phase, int64_t ns)
{
    p->phase = (uint8_t)phase;
    if (phase == PRINTER_IDLE) {
        timer_cancel(&p->timer);
    } else {
        timer_arm(&p->timer, virt_add(dev_now(&p->dev), ns));
    }
    parallel_update(p);
}

static void parallel_expired(Device *dev)
{
    Parallel *p = (Parallel *)dev;

    if (p->phase == PRINTER_BUSY) {
        parallel_enter(p, PRINTER_ACK, ACK_NS);
    } else {
        parallel_enter(p, PRINTER_IDLE, 0);
    }
}

static void parallel_write_ctrl(Parallel *p, uint8_t v)
{
    bool strobe = v & ~p->ctrl & CT_STROBE;

    p->ctrl = v & CT_WRITABLE;
    if (!(v & CT_INIT)) {
        parallel_enter(p, PRINTER_IDLE, 0);
    } else if (strobe) {
        chr_port_write(p->port, &p->data, 1);
        parallel_enter(p, PRINTER_BUSY, BUSY_NS);
    } else {
        parallel_update(p);
    }
}

static void parallel_write(Device *dev, uint64_t off, uint64_t val,
                           unsigned size)
{
    Parallel *p = (Parallel *)dev;

    if (off == 0) {
        p->data = (uint8_t)val;
    } else if (off == 2) {
        parallel_write_ctrl(p, (uint8_t)val);
    }
}

static uint8_t parallel_status(const Parallel *p)
{
    uint8_t v = ST_UNUSED | ST_NO_ERROR | ST_SELECTED;

    v |= p->phase == PRINTER_ACK ? 0 : ST_NOT_ACK;
    v |= p->phase == PRINTER_IDLE && (p->ctrl & CT_INIT) ? ST_NOT_BUSY : 0;
    return v;
}

static uint64_t parallel_read(Device *dev, uint64_t off, unsigned size)
{
    const Parallel *p = (Parallel *)dev;

    switch (off) {
    case 0:
        return p->ctrl & CT_INPUT ? 0xff : p->data;
    case 1:
        return parallel_status(p);
    case 2:
        return p->ctrl | CT_UNUSED;
    default:
        return 0xff;
    }
}

static const MemOps parallel_ops = {
    .read = parallel_read,
    .write = parallel_write,
    .peek = parallel_read,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

static void parallel_connect(Device *dev, IrqLine *const irq[ISA_IRQS])
{
    Parallel *p = (Parallel *)dev;

    p->irq = p->irq_num < ISA_IRQS ? irq[p->irq_num] : NULL;
}

static void parallel_set_port(Device *dev, ChrPort *port)
{
    ((Parallel *)dev)->port = port;
}

static bool parallel_realize(Device *dev, GError **error)
{
    static const uint16_t places[PARALLEL_PORTS] = {0x378, 0x278, 0x3bc};
    Parallel *p = (Parallel *)dev;

    if (p->index >= PARALLEL_PORTS && !p->iobase) {
        return fail(error,
                    "isa-parallel: index %u: only 0 to 2 have a place, set "
                    "iobase",
                    p->index);
    }
    if (p->irq_num >= ISA_IRQS || p->iobase > 0xfffc) {
        return fail(error,
                    "isa-parallel: irq is 0 to 15, iobase at most 0xfffc");
    }
    timer_init(&p->timer, dev, parallel_expired);
    mem_add(dev->vm->io_root, p->iobase ? p->iobase : places[p->index],
            mem_io(dev->vm, "parallel", dev, &parallel_ops, 4), 0);
    return true;
}

/* clang-format off */
static const StateField parallel_state[] = {
    STATE(Parallel, data),
    STATE(Parallel, ctrl, .reset = CT_INIT | 0x08, .doc = "selected, not being initialized"),
    STATE(Parallel, phase, .max = PRINTER_PHASES - 1, .doc = "0 idle, 1 busy, 2 acknowledging"),
    STATE(Parallel, timer),
    WIRE(Parallel, index),
    WIRE(Parallel, irq_num),
    WIRE(Parallel, iobase),
    WIRE(Parallel, chardev),
    WIRE(Parallel, irq),
    WIRE(Parallel, port),
    STATE_END,
};

static const PropField parallel_props[] = {
    PROP(Parallel, index, "index", PROP_U32, "0", .doc = "0 to 2: LPT1 to LPT3"),
    PROP(Parallel, iobase, "iobase", PROP_U32, "0", .doc = "first port; 0: by index"),
    PROP(Parallel, irq_num, "irq", PROP_U32, "7", .doc = "ISA interrupt"),
    PROP(Parallel, chardev, "chardev", PROP_STR, NULL, .host_only = true, .doc = "back end"),
    PROP_LIST_END,
};
/* clang-format on */

static const IsaDeviceOps parallel_isa_ops = {
    .connect = parallel_connect,
    .set_port = parallel_set_port,
};

const DeviceType isa_parallel_type = {
    .name = "isa-parallel",
    .size = sizeof(Parallel),
    .state = parallel_state,
    .props = parallel_props,
    .user_creatable = true,
    .bus = "isa",
    .doc = "parallel port with a printer",
    .realize = parallel_realize,
    .bus_ops = &parallel_isa_ops,
};
