/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NS16550A. Source: National Semiconductor PC16550D data sheet (June 1995),
 * cited as PC16550D; interrupt gate OUT2: IBM PC AT Technical Reference.
 *
 * A byte goes to the back end when it is written; the transmitter's bits are
 * functions of virtual time. A frame takes the programmed time divided by the
 * property "speedup", so that a console at 9600 baud does not stop the world.
 *
 * Not modelled: parity and framing errors, error bits per FIFO byte (LSR bit
 * 7), DMA mode pins. Modem inputs are always on. In loopback bytes arrive at
 * once. A byte written while the transmitter is full is sent all the same.
 */
#include "hw/serial16550.h"

#include "core/vm.h"

#define FIFO_SIZE 16
#define CLOCK_HZ 1843200
#define CLOCKS_PER_BIT 16

#define IER_RX 0x01
#define IER_TX 0x02
#define IER_LINE 0x04
#define IER_MODEM 0x08
#define IIR_NONE 0x01
#define IIR_LINE 0x06
#define IIR_RX 0x04
#define IIR_TIMEOUT 0x0c
#define IIR_TX 0x02
#define IIR_MODEM 0x00
#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define LCR_DLAB 0x80
#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_BI 0x10
#define LSR_ERRORS 0x1e
#define LSR_THRE 0x20
#define LSR_TEMT 0x40
#define MSR_DELTAS 0x0f
#define MSR_TERI 0x04
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

typedef struct Serial16550 {
    Device dev;
    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t lsr; /* error bits only */
    uint8_t msr;
    uint16_t divisor;
    uint8_t rx[FIFO_SIZE];
    uint8_t rx_head, rx_count;
    bool rx_timeout; /* PC16550D, character time-out indication */
    bool tx_empty;   /* THRE interrupt is pending */
    VirtTime tx_done;
    int64_t tx_byte_ns; /* of the byte last written */
    Timer tx_timer, rx_timer;
    uint32_t index, irq_num, iobase, speedup;
    char *chardev;
    IrqLine *irq;  /* borrowed: from the board */
    ChrPort *port; /* borrowed: of the Vm */
} Serial16550;

static bool serial_fifo(const Serial16550 *s)
{
    return s->fcr & FCR_ENABLE;
}

/* One frame: start, data, parity and stop bits. PC16550D 8.1, table III. */
static int64_t serial_byte_ns(const Serial16550 *s)
{
    unsigned half_bits = 2 * (1 + 5 + (s->lcr & 3) + (s->lcr >> 3 & 1));
    int64_t divisor = s->divisor ? s->divisor : 65536;
    int64_t ns;

    if (!(s->lcr & 4)) {
        half_bits += 2;
    } else {
        half_bits += s->lcr & 3 ? 4 : 3;
    }
    ns = divisor * CLOCKS_PER_BIT * half_bits * NS_PER_SEC / (2 * CLOCK_HZ);
    return MAX(ns / MAX(s->speedup, 1), 1);
}

/* When the last byte has left the holding register or FIFO. */
static VirtTime serial_thre_time(const Serial16550 *s)
{
    return virt_add(s->tx_done, -s->tx_byte_ns);
}

static uint8_t serial_lsr(const Serial16550 *s)
{
    int64_t now = dev_now(&s->dev).ns;
    uint8_t v = s->lsr;

    v |= s->rx_count ? LSR_DR : 0;
    v |= now >= serial_thre_time(s).ns ? LSR_THRE : 0;
    v |= now >= s->tx_done.ns ? LSR_TEMT : 0;
    return v;
}

static unsigned serial_trigger(const Serial16550 *s)
{
    static const uint8_t levels[4] = {1, 4, 8, 14};

    return serial_fifo(s) ? levels[s->fcr >> 6] : 1;
}

/* PC16550D table IV. */
static uint8_t serial_iir(const Serial16550 *s)
{
    if ((s->ier & IER_LINE) && (s->lsr & LSR_ERRORS)) {
        return IIR_LINE;
    }
    if ((s->ier & IER_RX) && s->rx_count >= serial_trigger(s)) {
        return IIR_RX;
    }
    if ((s->ier & IER_RX) && s->rx_timeout) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_TX) && s->tx_empty) {
        return IIR_TX;
    }
    if ((s->ier & IER_MODEM) && (s->msr & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void serial_room(Serial16550 *s)
{
    unsigned size = serial_fifo(s) ? FIFO_SIZE : 1;

    if (!s->port) {
        return;
    }
    if (s->mcr & MCR_LOOP) {
        size = 0;
    }
    chr_port_set_room(s->port, size > s->rx_count ? size - s->rx_count : 0);
}

static void serial_update(Serial16550 *s)
{
    irq_set(s->irq, serial_iir(s) != IIR_NONE && (s->mcr & MCR_OUT2));
}

/* --- receiver ------------------------------------------------------------- */

/* Four frame times without a byte in or out: PC16550D 8.7. */
static void serial_restart_timeout(Serial16550 *s)
{
    if (serial_fifo(s) && s->rx_count) {
        timer_arm(&s->rx_timer,
                  virt_add(dev_now(&s->dev), 4 * serial_byte_ns(s)));
    } else {
        timer_cancel(&s->rx_timer);
    }
}

static void serial_rx_expired(Device *dev)
{
    Serial16550 *s = (Serial16550 *)dev;

    s->rx_timeout = s->rx_count > 0;
    serial_update(s);
}

static void serial_push(Serial16550 *s, uint8_t byte)
{
    unsigned size = serial_fifo(s) ? FIFO_SIZE : 1;

    if (s->rx_count < size) {
        s->rx[(s->rx_head + s->rx_count) % FIFO_SIZE] = byte;
        s->rx_count++;
        return;
    }
    s->lsr |= LSR_OE;
    if (!serial_fifo(s)) {
        s->rx[s->rx_head] = byte; /* the new one replaces it */
    }
}

static void serial_receive(Device *dev, const uint8_t *buf, size_t size)
{
    Serial16550 *s = (Serial16550 *)dev;

    for (size_t i = 0; i < size; i++) {
        serial_push(s, buf[i]);
    }
    serial_restart_timeout(s);
    serial_room(s);
    serial_update(s);
}

static void serial_event(Device *dev, ChrEvent event)
{
    Serial16550 *s = (Serial16550 *)dev;

    if (event == CHR_EVENT_BREAK) {
        s->lsr |= LSR_BI;
        serial_receive(dev, (const uint8_t[]){0}, 1);
    }
}

static const ChrPortOps serial_port_ops = {
    .receive = serial_receive,
    .event = serial_event,
};

static uint8_t serial_read_rbr(Serial16550 *s)
{
    uint8_t v = s->rx[s->rx_head];

    if (!s->rx_count) {
        return v; /* the buffer keeps what it had */
    }
    if (s->rx_count > 1) {
        s->rx_head = (s->rx_head + 1) % FIFO_SIZE;
    }
    s->rx_count--;
    s->rx_timeout = false;
    serial_restart_timeout(s);
    serial_room(s);
    return v;
}

/* --- transmitter ---------------------------------------------------------- */

static void serial_tx_expired(Device *dev)
{
    Serial16550 *s = (Serial16550 *)dev;

    s->tx_empty = true;
    serial_update(s);
}

/* Only the interrupt needs a timer: a polling guest has none. */
static void serial_expect_thre(Serial16550 *s)
{
    if (s->ier & IER_TX) {
        timer_arm(&s->tx_timer, serial_thre_time(s));
    } else {
        timer_cancel(&s->tx_timer);
    }
}

static void serial_write_thr(Serial16550 *s, uint8_t v)
{
    VirtTime now = dev_now(&s->dev);

    s->tx_byte_ns = serial_byte_ns(s);
    s->tx_done =
        virt_add(s->tx_done.ns > now.ns ? s->tx_done : now, s->tx_byte_ns);
    s->tx_empty = false;
    serial_expect_thre(s);
    if (s->mcr & MCR_LOOP) {
        serial_receive(&s->dev, &v, 1);
    } else {
        chr_port_write(s->port, &v, 1);
    }
}

/* --- registers ------------------------------------------------------------ */

static uint8_t serial_modem_inputs(const Serial16550 *s)
{
    if (!(s->mcr & MCR_LOOP)) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    /* PC16550D 8.5, bit 4 */
    return (uint8_t)((s->mcr & MCR_RTS ? MSR_CTS : 0)
                     | (s->mcr & MCR_DTR ? MSR_DSR : 0)
                     | (s->mcr & MCR_OUT1 ? MSR_RI : 0)
                     | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static void serial_update_msr(Serial16550 *s)
{
    uint8_t old = s->msr & 0xf0, now = serial_modem_inputs(s);
    uint8_t delta = (uint8_t)((old ^ now) >> 4);

    if (!(old & MSR_RI)) {
        delta &= ~MSR_TERI; /* only its trailing edge counts */
    }
    s->msr = now | delta | (s->msr & MSR_DELTAS);
}

static void serial_write_fcr(Serial16550 *s, uint8_t v)
{
    bool toggled = (v ^ s->fcr) & FCR_ENABLE;

    if (toggled || (v & FCR_CLEAR_RX)) {
        s->rx_count = 0;
        s->rx_timeout = false;
        timer_cancel(&s->rx_timer);
    }
    if (toggled || (v & FCR_CLEAR_TX)) {
        VirtTime now = dev_now(&s->dev);

        /* what is in the shift register stays */
        if (s->tx_done.ns > now.ns + s->tx_byte_ns) {
            s->tx_done = virt_add(now, s->tx_byte_ns);
            serial_expect_thre(s);
        }
    }
    s->fcr = v & FCR_ENABLE ? v & 0xc9 : 0;
    serial_room(s);
}

static void serial_write_ier(Serial16550 *s, uint8_t v)
{
    bool tx_on = v & ~s->ier & IER_TX;

    s->ier = v & 0x0f;
    if (tx_on && (serial_lsr(s) & LSR_THRE)) {
        s->tx_empty = true;
    } else if (tx_on) {
        serial_expect_thre(s);
    }
}

static void serial_write(Device *dev, uint64_t off, uint64_t val, unsigned size)
{
    Serial16550 *s = (Serial16550 *)dev;
    uint8_t v = (uint8_t)val;

    switch (off) {
    case 0:
        if (s->lcr & LCR_DLAB) {
            s->divisor = (s->divisor & 0xff00) | v;
        } else {
            serial_write_thr(s, v);
        }
        break;
    case 1:
        if (s->lcr & LCR_DLAB) {
            s->divisor = (uint16_t)(v << 8 | (s->divisor & 0xff));
        } else {
            serial_write_ier(s, v);
        }
        break;
    case 2:
        serial_write_fcr(s, v);
        break;
    case 3:
        s->lcr = v;
        break;
    case 4:
        s->mcr = v & 0x1f;
        serial_update_msr(s);
        serial_room(s);
        break;
    case 7:
        s->scr = v;
        break;
    default:
        break; /* LSR and MSR are not to be written */
    }
    serial_update(s);
}

static uint8_t serial_look(const Serial16550 *s, uint64_t off)
{
    switch (off) {
    case 0:
        return s->lcr & LCR_DLAB ? (uint8_t)s->divisor : s->rx[s->rx_head];
    case 1:
        return s->lcr & LCR_DLAB ? (uint8_t)(s->divisor >> 8) : s->ier;
    case 2:
        return serial_iir(s) | (serial_fifo(s) ? 0xc0 : 0);
    case 3:
        return s->lcr;
    case 4:
        return s->mcr;
    case 5:
        return serial_lsr(s);
    case 6:
        return s->msr;
    default:
        return s->scr;
    }
}

static uint64_t serial_read(Device *dev, uint64_t off, unsigned size)
{
    Serial16550 *s = (Serial16550 *)dev;
    uint8_t v = serial_look(s, off);

    switch (off) {
    case 0:
        if (!(s->lcr & LCR_DLAB)) {
            v = serial_read_rbr(s);
        }
        break;
    case 2:
        if ((v & 0x0f) == IIR_TX) {
            s->tx_empty = false;
        }
        break;
    case 5:
        s->lsr = 0;
        break;
    case 6:
        s->msr &= ~MSR_DELTAS;
        break;
    default:
        return v;
    }
    serial_update(s);
    return v;
}

static uint64_t serial_peek(Device *dev, uint64_t off, unsigned size)
{
    return serial_look((Serial16550 *)dev, off);
}

static const MemOps serial_ops = {
    .read = serial_read,
    .write = serial_write,
    .peek = serial_peek,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

static const struct {
    uint16_t iobase;
    uint8_t irq;
} serial_places[4] = {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}};

static unsigned serial_irq_num(const Serial16550 *s)
{
    return s->irq_num ? s->irq_num : serial_places[s->index & 3].irq;
}

static void serial_connect(Device *dev, IrqLine *const irq[ISA_IRQS])
{
    Serial16550 *s = (Serial16550 *)dev;
    unsigned n = serial_irq_num(s);

    s->irq = n < ISA_IRQS ? irq[n] : NULL;
}

static void serial_set_port(Device *dev, ChrPort *port)
{
    ((Serial16550 *)dev)->port = port;
}

static bool serial_realize(Device *dev, GError **error)
{
    Serial16550 *s = (Serial16550 *)dev;

    if (s->index > 3 && (!s->iobase || !s->irq_num)) {
        return fail(error,
                    "isa-serial: index %u: only 0 to 3 have a place, "
                    "set iobase and irq",
                    s->index);
    }
    if (serial_irq_num(s) >= ISA_IRQS || s->iobase > 0xfff8) {
        return fail(error, "isa-serial: irq is 1 to 15, iobase at most 0xfff8");
    }
    timer_init(&s->tx_timer, dev, serial_tx_expired);
    timer_init(&s->rx_timer, dev, serial_rx_expired);
    mem_add(dev->vm->io_root,
            s->iobase ? s->iobase : serial_places[s->index & 3].iobase,
            mem_io(dev->vm, "serial", dev, &serial_ops, 8), 0);
    if (s->port) {
        chr_port_connect(s->port, dev, &serial_port_ops);
    }
    return true;
}

static void serial_reset_done(Device *dev)
{
    Serial16550 *s = (Serial16550 *)dev;

    s->msr = serial_modem_inputs(s);
    serial_room(s);
    serial_update(s);
}

static void serial_rebuild(Device *dev)
{
    serial_room((Serial16550 *)dev);
}

/* clang-format off */
static const StateField serial_state[] = {
    STATE(Serial16550, ier),
    STATE(Serial16550, fcr),
    STATE(Serial16550, lcr),
    STATE(Serial16550, mcr),
    STATE(Serial16550, scr),
    STATE(Serial16550, lsr, .doc = "error bits"),
    STATE(Serial16550, msr),
    STATE(Serial16550, divisor, .reset = 12, .doc = "9600 baud"),
    STATE(Serial16550, rx),
    STATE(Serial16550, rx_head, .max = FIFO_SIZE - 1),
    STATE(Serial16550, rx_count, .max = FIFO_SIZE),
    STATE(Serial16550, rx_timeout),
    STATE(Serial16550, tx_empty),
    STATE(Serial16550, tx_done, .doc = "the shift register is empty"),
    STATE(Serial16550, tx_byte_ns),
    STATE(Serial16550, tx_timer),
    STATE(Serial16550, rx_timer),
    WIRE(Serial16550, index),
    WIRE(Serial16550, irq_num),
    WIRE(Serial16550, iobase),
    WIRE(Serial16550, speedup),
    WIRE(Serial16550, chardev),
    WIRE(Serial16550, irq),
    WIRE(Serial16550, port),
    STATE_END,
};

static const PropField serial_props[] = {
    PROP(Serial16550, index, "index", PROP_U32, "0", .doc = "0 to 3: COM1 to COM4"),
    PROP(Serial16550, iobase, "iobase", PROP_U32, "0", .doc = "first port; 0: by index"),
    PROP(Serial16550, irq_num, "irq", PROP_U32, "0", .doc = "ISA interrupt; 0: by index"),
    PROP(Serial16550, speedup, "speedup", PROP_U32, "100", .doc = "how much faster than the baud rate bytes leave"),
    PROP(Serial16550, chardev, "chardev", PROP_STR, NULL, .host_only = true, .doc = "back end"),
    PROP_LIST_END,
};
/* clang-format on */

static const IsaDeviceOps serial_isa_ops = {
    .connect = serial_connect,
    .set_port = serial_set_port,
};

const DeviceType isa_serial_type = {
    .name = "isa-serial",
    .size = sizeof(Serial16550),
    .state = serial_state,
    .props = serial_props,
    .user_creatable = true,
    .bus = "isa",
    .doc = "16550A serial port",
    .realize = serial_realize,
    .reset_done = serial_reset_done,
    .rebuild = serial_rebuild,
    .bus_ops = &serial_isa_ops,
};
