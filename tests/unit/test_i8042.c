/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyboard controller, PS/2 keyboard and mouse, and the table of keys. */
#include "hw/i8042.h"
#include "hw/port92.h"
#include "hw/ps2.h"
#include "tests/unit/bench.h"

#define BYTE_NS 200000
#define KBD 0
#define MOUSE 1
#define A20 2

typedef struct Rig {
    Bench *b;
    Device *kbd, *mouse;
} Rig;

static Rig rig_new(void)
{
    Rig r = {.b = bench_new_unrealized(&i8042_type)};

    r.kbd = device_new(r.b->vm, &ps2_kbd_type, NULL, "kbd");
    r.mouse = device_new(r.b->vm, &ps2_mouse_type, NULL, "mouse");
    g_assert_true(device_realize(r.kbd, NULL));
    g_assert_true(device_realize(r.mouse, NULL));
    i8042_connect(r.b->dev, bench_line(r.b, KBD), bench_line(r.b, MOUSE),
                  bench_line(r.b, A20));
    i8042_attach(r.b->dev, r.kbd, r.mouse);
    bench_realize(r.b);
    return r;
}

static void command(Bench *b, uint8_t v)
{
    bench_outb(b, 0x64, v);
}

/* Take bytes as they come and compare; then there is none. */
static void expect(Bench *b, const uint8_t *want, size_t count, bool aux)
{
    for (size_t i = 0; i < count; i++) {
        bench_advance(b, 2 * BYTE_NS);
        g_assert_cmphex(bench_inb(b, 0x64) & 0x21, ==, aux ? 0x21 : 0x01);
        g_assert_true(bench_irq(b, aux ? MOUSE : KBD));
        g_assert_cmphex(bench_inb(b, 0x60), ==, want[i]);
    }
    bench_advance(b, 2 * BYTE_NS);
    g_assert_cmphex(bench_inb(b, 0x64) & 0x01, ==, 0);
}
#define EXPECT(b, aux, ...)                                                    \
    expect(b, (const uint8_t[]){__VA_ARGS__},                                  \
           sizeof((const uint8_t[]){__VA_ARGS__}), aux)

static void test_controller(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    command(b, 0xaa);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x55);
    g_assert_cmphex(bench_inb(b, 0x64) & 0x04, ==, 0x04);
    command(b, 0xab);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x00);
    command(b, 0xa9);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x00);
    command(b, 0x60);
    bench_outb(b, 0x60, 0x65);
    command(b, 0x20);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x65);
    command(b, 0xad);
    command(b, 0xa8);
    command(b, 0x20);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x55);
    command(b, 0xa7);
    command(b, 0x20);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x75);
    command(b, 0x72);
    bench_outb(b, 0x60, 0x99);
    command(b, 0x32);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x99);
    command(b, 0xd3); /* as if from the mouse */
    bench_outb(b, 0x60, 0x42);
    g_assert_cmphex(bench_inb(b, 0x64) & 0x21, ==, 0x21);
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x42);
    bench_check_state(b);
    bench_free(b);
}

static void test_output_port(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    g_assert_true(bench_irq(b, A20));
    command(b, 0xd1);
    bench_outb(b, 0x60, 0xdd);
    g_assert_false(bench_irq(b, A20));
    command(b, 0xd0);
    g_assert_cmphex(bench_inb(b, 0x60) & 0x03, ==, 0x01);
    command(b, 0xdf);
    g_assert_true(bench_irq(b, A20));
    g_assert_cmpuint(b->vm->requests, ==, 0);
    command(b, 0xfe);
    g_assert_cmpuint(b->vm->requests, ==, VM_REQ_RESET);
    bench_free(b);
}

static void test_port92(void)
{
    g_autoptr(Bench) b = bench_new_unrealized(&port92_type);

    port92_connect(b->dev, bench_line(b, 0));
    bench_realize(b);
    bench_outb(b, 0x92, 0x02);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(bench_inb(b, 0x92), ==, 0x02);
    g_assert_cmpuint(b->vm->requests, ==, 0);
    bench_outb(b, 0x92, 0x03);
    g_assert_cmpuint(b->vm->requests, ==, VM_REQ_RESET);
}

static void test_translation(void)
{
    Rig r = rig_new();

    ps2_kbd_event(r.kbd, KEY_a, true);
    ps2_kbd_event(r.kbd, KEY_a, false);
    EXPECT(r.b, false, 0x1e, 0x9e);
    ps2_kbd_event(r.kbd, KEY_f7, true); /* 0x83: one of the two high codes */
    ps2_kbd_event(r.kbd, KEY_f7, false);
    EXPECT(r.b, false, 0x41, 0xc1);
    ps2_kbd_event(r.kbd, KEY_right, true);
    ps2_kbd_event(r.kbd, KEY_right, false);
    EXPECT(r.b, false, 0xe0, 0x4d, 0xe0, 0xcd);
    ps2_kbd_event(r.kbd, KEY_print, true);
    ps2_kbd_event(r.kbd, KEY_print, false);
    EXPECT(r.b, false, 0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa);
    ps2_kbd_event(r.kbd, KEY_pause, true);
    ps2_kbd_event(r.kbd, KEY_pause, false);
    EXPECT(r.b, false, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    command(r.b, 0x60);
    bench_outb(r.b, 0x60, 0x03); /* plain set 2 */
    ps2_kbd_event(r.kbd, KEY_a, true);
    ps2_kbd_event(r.kbd, KEY_a, false);
    EXPECT(r.b, false, 0x1c, 0xf0, 0x1c);
    bench_free(r.b);
}

/* What the controller makes of set 2 is what the key table calls set 1. */
static void test_keys_agree(void)
{
    Rig r = rig_new();

    for (unsigned k = 1; k < KEY_COUNT; k++) {
        const KeyCodes *c = key_codes((KeyCode)k);

        g_assert_cmpuint(key_from_name(key_name((KeyCode)k)), ==, k);
        if (k == KEY_print || k == KEY_pause) {
            continue;
        }
        ps2_kbd_event(r.kbd, (KeyCode)k, true);
        if (c->set1 >> 8) {
            EXPECT(r.b, false, 0xe0, (uint8_t)c->set1);
        } else {
            EXPECT(r.b, false, (uint8_t)c->set1);
        }
    }
    g_assert_cmpuint(key_from_name("no such key"), ==, KEY_NONE);
    g_assert_cmpuint(key_from_name("asterisk"), ==, KEY_kp_multiply);
    g_assert_null(key_name(KEY_NONE));
    bench_free(r.b);
}

static void test_timing_and_disable(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    ps2_kbd_event(r.kbd, KEY_b, true);
    bench_advance(b, BYTE_NS - 1);
    g_assert_false(bench_irq(b, KBD));
    bench_advance(b, 1);
    g_assert_true(bench_irq(b, KBD));
    g_assert_cmphex(bench_inb(b, 0x60), ==, 0x30);
    command(b, 0xad);
    ps2_kbd_event(r.kbd, KEY_c, true);
    bench_advance(b, 10 * BYTE_NS);
    g_assert_cmphex(bench_inb(b, 0x64) & 1, ==, 0);
    command(b, 0xae); /* held, not lost */
    EXPECT(b, false, 0x2e);
    bench_free(b);
}

static void test_keyboard_commands(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    bench_outb(b, 0x60, 0xff);
    EXPECT(b, false, 0xfa, 0xaa);
    bench_outb(b, 0x60, 0xf2);
    EXPECT(b, false, 0xfa, 0xab, 0x41); /* 0x83, translated */
    bench_outb(b, 0x60, 0xed);
    EXPECT(b, false, 0xfa);
    bench_outb(b, 0x60, 0x05);
    EXPECT(b, false, 0xfa);
    g_assert_cmpuint(ps2_kbd_leds(r.kbd), ==, 5);
    bench_outb(b, 0x60, 0xee);
    EXPECT(b, false, 0xee);
    bench_outb(b, 0x60, 0xf3);
    bench_outb(b, 0x60, 0x20);
    EXPECT(b, false, 0xfa, 0xfa);
    bench_outb(b, 0x60, 0x11); /* no command */
    EXPECT(b, false, 0xfe);
    command(b, 0x60);
    bench_outb(b, 0x60, 0x03);
    bench_outb(b, 0x60, 0xf0);
    bench_outb(b, 0x60, 0x00);
    EXPECT(b, false, 0xfa, 0xfa, 0x02);
    bench_outb(b, 0x60, 0xf0);
    bench_outb(b, 0x60, 0x03);
    EXPECT(b, false, 0xfa, 0xfa);
    ps2_kbd_event(r.kbd, KEY_ctrl, true);
    ps2_kbd_event(r.kbd, KEY_ctrl, false);
    EXPECT(b, false, 0x11, 0xf0, 0x11);
    bench_outb(b, 0x60, 0xf5); /* no more scanning */
    EXPECT(b, false, 0xfa);
    ps2_kbd_event(r.kbd, KEY_x, true);
    bench_advance(b, 10 * BYTE_NS);
    g_assert_cmphex(bench_inb(b, 0x64) & 1, ==, 0);
    bench_free(b);
}

static void mouse(Bench *b, uint8_t v)
{
    command(b, 0xd4);
    bench_outb(b, 0x60, v);
}

static void test_mouse(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    mouse(b, 0xff);
    EXPECT(b, true, 0xfa, 0xaa, 0x00);
    ps2_mouse_event(r.mouse, 1, 1, 0, 0); /* not enabled */
    mouse(b, 0xf4);
    EXPECT(b, true, 0xfa);
    ps2_mouse_event(r.mouse, 3, 5, 0, PS2_BUTTON_LEFT);
    EXPECT(b, true, 0x29, 0x03, 0xfb); /* down is negative */
    bench_advance(b, NS_PER_SEC / 100);
    ps2_mouse_event(r.mouse, -300, 0, 0, 0);
    EXPECT(b, true, 0x18, 0x01, 0x00); /* 255 now, the rest later */
    bench_advance(b, NS_PER_SEC / 100);
    EXPECT(b, true, 0x18, 0xd3, 0x00);
    mouse(b, 0xe9);
    EXPECT(b, true, 0xfa, 0x20, 0x02, 100);
    mouse(b, 0x77);
    EXPECT(b, true, 0xfe);
    bench_free(b);
}

static void knock(Bench *b, uint8_t second, uint8_t id)
{
    const uint8_t rates[3] = {200, second, 80};

    for (unsigned i = 0; i < 3; i++) {
        mouse(b, 0xf3);
        EXPECT(b, true, 0xfa);
        mouse(b, rates[i]);
        EXPECT(b, true, 0xfa);
    }
    mouse(b, 0xf2);
    EXPECT(b, true, 0xfa, id);
}

static void test_wheel(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    knock(b, 100, 3);
    mouse(b, 0xf4);
    EXPECT(b, true, 0xfa);
    ps2_mouse_event(r.mouse, 0, 0, -1, 0);
    EXPECT(b, true, 0x08, 0x00, 0x00, 0xff);
    knock(b, 200, 4);
    bench_advance(b, NS_PER_SEC / 50);
    ps2_mouse_event(r.mouse, 0, 0, 1, PS2_BUTTON_SIDE);
    EXPECT(b, true, 0x08, 0x00, 0x00, 0x11);
    bench_free(b);
}

static void test_inputs(void)
{
    Rig r = rig_new();
    const KeyEvent key = {KEY_ret, true};
    const PointerEvent move = {.dx = 1};

    key_source.deliver(r.b->vm, &key);
    EXPECT(r.b, false, 0x1c);
    mouse(r.b, 0xf4);
    EXPECT(r.b, true, 0xfa);
    pointer_source.deliver(r.b->vm, &move);
    EXPECT(r.b, true, 0x08, 0x01, 0x00);
    bench_free(r.b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/controller", test_controller);
    g_test_add_func("/i8042/output-port", test_output_port);
    g_test_add_func("/i8042/port92", test_port92);
    g_test_add_func("/i8042/translation", test_translation);
    g_test_add_func("/i8042/keys-agree", test_keys_agree);
    g_test_add_func("/i8042/timing-and-disable", test_timing_and_disable);
    g_test_add_func("/i8042/keyboard-commands", test_keyboard_commands);
    g_test_add_func("/i8042/mouse", test_mouse);
    g_test_add_func("/i8042/wheel", test_wheel);
    g_test_add_func("/i8042/inputs", test_inputs);
    return g_test_run();
}
