/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 mouse with wheel and five buttons. Source: IBM PS/2 Hardware Interface
 * Technical Reference, "Auxiliary Device", cited as IBM; wheel and buttons:
 * Microsoft IntelliMouse protocol (sample rates 200, 100, 80 and 200, 200, 80).
 *
 * Motion is gathered; a packet leaves at once or, so that the sample rate is
 * kept, later.
 *
 * Not modelled: resolution and 2:1 scaling change nothing but the status.
 */
#include "hw/input/ps2_priv.h"

#define STATUS_REMOTE 0x40
#define STATUS_ENABLED 0x20
#define STATUS_SCALE 0x10
#define MOTION_MAX 255
#define PENDING_MAX 100000

typedef struct Ps2Mouse {
    Device dev;
    Ps2Queue q;
    uint8_t rate, resolution;
    bool enabled, remote, wrap, scale;
    uint8_t id;         /* 0: standard, 3: wheel, 4: five buttons */
    uint8_t rates[2];   /* the two set before, for the knocks */
    int32_t dx, dy, dz; /* gathered; as the events give them */
    uint8_t buttons, told;
    Timer sample;
} Ps2Mouse;

/* --- packets -------------------------------------------------------------- */

static bool mouse_news(const Ps2Mouse *m)
{
    return m->dx || m->dy || (m->dz && m->id) || m->buttons != m->told;
}

/* IBM, "Data Report": up is positive here. */
static bool mouse_put_packet(Ps2Mouse *m)
{
    int dx = CLAMP(m->dx, -MOTION_MAX, MOTION_MAX);
    int dy = CLAMP(m->dy, -MOTION_MAX, MOTION_MAX);
    int dz = CLAMP(m->dz, -8, 7);
    unsigned size = m->id ? 4 : 3;
    uint8_t p[4];

    if (ps2_room(&m->dev) < size) {
        return false;
    }
    p[0] = (uint8_t)(0x08 | (m->buttons & 7) | (dx < 0 ? 0x10 : 0)
                     | (dy > 0 ? 0x20 : 0));
    p[1] = (uint8_t)dx;
    p[2] = (uint8_t)-dy;
    p[3] = (uint8_t)dz;
    if (m->id == 4) {
        p[3] = (uint8_t)((dz & 0x0f) | (m->buttons >> 3 & 3) << 4);
    }
    m->dx -= dx;
    m->dy -= dy;
    m->dz = m->id ? m->dz - dz : 0;
    m->told = m->buttons;
    return ps2_put(&m->dev, p, size);
}

static void mouse_stream(Ps2Mouse *m)
{
    if (!m->enabled || m->remote || m->wrap || timer_armed(&m->sample)
        || !mouse_news(m)) {
        return;
    }
    mouse_put_packet(m);
    timer_arm(&m->sample, virt_add(dev_now(&m->dev), NS_PER_SEC / m->rate));
}

static void mouse_sample(Device *dev)
{
    mouse_stream((Ps2Mouse *)dev);
}

static int32_t gather(int32_t have, int more)
{
    int64_t sum = (int64_t)have + more;

    return (int32_t)CLAMP(sum, -PENDING_MAX, PENDING_MAX);
}

void ps2_mouse_event(Device *dev, int dx, int dy, int dz, unsigned buttons)
{
    Ps2Mouse *m = (Ps2Mouse *)dev;

    m->buttons = buttons & 0x1f;
    if (m->enabled || m->remote) {
        m->dx = gather(m->dx, dx);
        m->dy = gather(m->dy, dy);
        m->dz = gather(m->dz, dz);
    }
    mouse_stream(m);
}

/* --- commands ------------------------------------------------------------- */

static void mouse_forget(Ps2Mouse *m)
{
    m->dx = 0;
    m->dy = 0;
    m->dz = 0;
    m->told = m->buttons;
}

static void mouse_defaults(Ps2Mouse *m)
{
    m->rate = 100;
    m->resolution = 2;
    m->scale = false;
    m->enabled = false;
    m->remote = false;
    m->wrap = false;
    mouse_forget(m);
    ps2_flush(&m->dev);
}

static uint8_t mouse_status(const Ps2Mouse *m)
{
    uint8_t v = (uint8_t)((m->buttons & 1) << 2 | (m->buttons >> 1 & 1)
                          | (m->buttons >> 2 & 1) << 1);

    v |= m->remote ? STATUS_REMOTE : 0;
    v |= m->enabled ? STATUS_ENABLED : 0;
    v |= m->scale ? STATUS_SCALE : 0;
    return v;
}

static void mouse_set_rate(Ps2Mouse *m, uint8_t v)
{
    if (m->rates[0] == 200 && v == 80) {
        m->id = m->rates[1] == 100 ? 3 : m->rates[1] == 200 ? 4 : m->id;
    }
    m->rates[0] = m->rates[1];
    m->rates[1] = v;
    m->rate = v ? v : 100;
}

static void mouse_parameter(Ps2Mouse *m, uint8_t command, uint8_t v)
{
    if (command == 0xf3) {
        mouse_set_rate(m, v);
    } else {
        m->resolution = v & 3;
    }
    ps2_put1(&m->dev, PS2_ACK);
}

/* The commands without answer but the acknowledge; false: unknown. */
static bool mouse_simple(Ps2Mouse *m, uint8_t v)
{
    switch (v) {
    case 0xe6:
    case 0xe7:
        m->scale = v & 1;
        return true;
    case 0xe8:
    case 0xf3:
        m->q.command = v;
        return true;
    case 0xea:
        m->remote = false;
        return true;
    case 0xec:
        m->wrap = false;
        return true;
    case 0xee:
        m->wrap = true;
        return true;
    case 0xf0:
        m->remote = true;
        return true;
    case 0xf4:
        m->enabled = true;
        mouse_forget(m);
        return true;
    case 0xf5:
        m->enabled = false;
        return true;
    case 0xf6:
        mouse_defaults(m);
        return true;
    default:
        return false;
    }
}

/* IBM, "Auxiliary Device Commands". */
void ps2_mouse_command(Device *dev, uint8_t v)
{
    Ps2Mouse *m = (Ps2Mouse *)dev;
    uint8_t command = m->q.command;

    m->q.command = 0;
    if (m->wrap && v != 0xec && v != 0xff) {
        ps2_put1(dev, v);
        return;
    }
    if (command) {
        mouse_parameter(m, command, v);
        return;
    }
    if (mouse_simple(m, v)) {
        ps2_put1(dev, PS2_ACK);
        return;
    }
    switch (v) {
    case 0xe9:
        ps2_put(
            dev,
            (const uint8_t[]){PS2_ACK, mouse_status(m), m->resolution, m->rate},
            4);
        break;
    case 0xeb:
        ps2_put1(dev, PS2_ACK);
        mouse_put_packet(m);
        break;
    case 0xf2:
        ps2_put(dev, (const uint8_t[]){PS2_ACK, m->id}, 2);
        break;
    case 0xfe:
        ps2_put1(dev, m->q.last);
        break;
    case 0xff:
        mouse_defaults(m);
        m->id = 0;
        m->rates[0] = 0;
        m->rates[1] = 0;
        ps2_put(dev, (const uint8_t[]){PS2_ACK, PS2_TEST_OK, 0}, 3);
        break;
    default:
        ps2_put1(dev, PS2_RESEND);
        break;
    }
}

static bool ps2_mouse_realize(Device *dev, GError **error)
{
    timer_init(&((Ps2Mouse *)dev)->sample, dev, mouse_sample);
    return true;
}

/* clang-format off */
static const StateField ps2_mouse_state[] = {
    STATE_GROUP(Ps2Mouse, q, ps2_queue_rows, Ps2Queue),
    STATE(Ps2Mouse, rate, .reset = 100, .min = 1, .doc = "samples a second"),
    STATE(Ps2Mouse, resolution, .reset = 2),
    STATE(Ps2Mouse, enabled),
    STATE(Ps2Mouse, remote),
    STATE(Ps2Mouse, wrap),
    STATE(Ps2Mouse, scale),
    STATE(Ps2Mouse, id),
    STATE(Ps2Mouse, rates),
    STATE(Ps2Mouse, dx),
    STATE(Ps2Mouse, dy),
    STATE(Ps2Mouse, dz),
    STATE(Ps2Mouse, buttons),
    STATE(Ps2Mouse, told),
    STATE(Ps2Mouse, sample),
    STATE_END,
};
/* clang-format on */

const DeviceType ps2_mouse_type = {
    .name = "ps2-mouse",
    .size = sizeof(Ps2Mouse),
    .state = ps2_mouse_state,
    .doc = "PS/2 mouse",
    .realize = ps2_mouse_realize,
};
