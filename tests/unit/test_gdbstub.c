/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gdb stub, packet by packet (gdb manual, "Remote Protocol"). */
#include "core/bytes.h"
#include "gdbstub/gdb_priv.h"
#include "tests/unit/chr_bench.h"
#include "tests/unit/gdb_bench.h"

/* The reply to @packet, without acknowledgement and frame. */
static char *reply(GdbBench *b, const char *packet)
{
    g_autofree char *all = gdb_bench_ask(b, packet);
    size_t n = strlen(all);

    g_assert_cmpuint(n, >=, 5);
    g_assert_true(g_str_has_prefix(all, "+$"));
    g_assert_cmpint(all[n - 3], ==, '#');
    chr_say(b->fd, "+");
    return g_strndup(all + 2, n - 5);
}

static void says(GdbBench *b, const char *packet, const char *expected)
{
    g_autofree char *said = reply(b, packet);

    g_assert_cmpstr(said, ==, expected);
}

/* What comes by itself, framed. */
static void hears(GdbBench *b, const char *expected)
{
    g_autofree char *said = chr_hear(b->fd);
    g_autoptr(GString) framed = g_string_new(NULL);

    packet_wrap(framed, expected, strlen(expected));
    g_assert_cmpstr(said, ==, framed->str);
}

/* A packet that is answered later. */
static void starts(GdbBench *b, const char *packet)
{
    g_autofree char *said = gdb_bench_ask(b, packet);

    g_assert_cmpstr(said, ==, "+");
    g_assert_true(b->running);
}

static void called(GdbBench *b, const char *expected)
{
    g_assert_cmpstr(b->calls->str, ==, expected);
    g_string_truncate(b->calls, 0);
}

static void test_attach(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();

    g_assert_true(gdb_attended(b->vm));
    called(b, "stop"); /* who connects stops the machine */
    says(b, "!", "OK");
    says(b, "?", "T05thread:01;");
    says(b, "qAttached", "1");
    says(b, "qC", "QC01");
    says(b, "qfThreadInfo", "m01");
    says(b, "qsThreadInfo", "l");
    says(b, "qThreadExtraInfo,1", "4350552330205b72756e6e696e675d");
    says(b, "T1", "OK");
    says(b, "T2", "E22");
    says(b, "Hg0", "OK");
    says(b, "Hc-1", "OK");
    says(b, "Hg2", "E22");
    says(b, "Hx1", "E22");
    says(b, "vMustReplyEmpty", "");
    says(b, "qTStatus", "");
    says(b, "", "");
    says(b, "D", "OK");
    called(b, "left1");
}

static void test_multiprocess(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autofree char *s = reply(b, "qSupported:multiprocess+;swbreak+;xyz+");

    g_assert_nonnull(strstr(s, "PacketSize=4000;"));
    g_assert_nonnull(strstr(s, "qXfer:features:read+"));
    g_assert_nonnull(strstr(s, "ConditionalBreakpoints+"));
    g_assert_null(strstr(s, "ReverseStep"));
    says(b, "?", "T05thread:p01.01;");
    says(b, "qC", "QCp01.01");
    says(b, "Hgp1.1", "OK");
    says(b, "Hgp1.-1", "OK");
    says(b, "Hgp2.1", "E22");
    says(b, "Tp1.1", "OK");
    says(b, "vKill;1", "OK");
    g_assert_true(b->quit);
}

static void test_frames(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    static const struct {
        const char *sent, *heard;
    } rows[] = {
        {"$qC#b4", "+$QC01#f5"},
        {"-", "$QC01#f5"}, /* once more */
        {"+-", ""},        /* taken: nothing to repeat */
        {"$qC#b5", "-"},   /* wrong sum */
        {"$qC#zz", "-"},   /* no sum */
        {"noise$q$qC#b4", "+$QC01#f5"},
        {"+$}Q\x03#d1", "+$#00"},  /* escaped: "q", then Ctrl-C as data */
        {"+$T1* #cf", "+$E22#a9"}, /* a run: T1111 */
        {"+$}#7d", "-"},           /* escape without a character */
        {"$*\"#4c", "-"},          /* run of nothing */
        {"$T1*\x01#b0", "-"},      /* run of a length that is none */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *heard = NULL;

        chr_say(b->fd, rows[i].sent);
        heard = chr_hear(b->fd);
        g_assert_cmpstr(heard, ==, rows[i].heard);
    }
}

static void test_too_long(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autofree char *big = g_strnfill(3 * GDB_PACKET_MAX, 'm');

    says(b, big, "E22");
    says(b, "qC", "QC01");
    big[GDB_PACKET_MAX] = 0;
    says(b, big, "E22"); /* as long as can be: judged by its command */
}

static void test_no_ack(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autofree char *said = NULL, *bad = NULL;

    says(b, "QStartNoAckMode", "OK");
    said = gdb_bench_ask(b, "qC");
    g_assert_cmpstr(said, ==, "$QC01#f5");
    chr_say(b->fd, "$qC#00-");
    bad = chr_hear(b->fd);
    g_assert_cmpstr(bad, ==, "");
}

static void test_registers(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    X86Cpu *c = b->box->c;
    g_autofree char *all = NULL, *again = NULL;

    c->gpr[X86_RBX] = 0x1122334455667788;
    c->xmm[2].u64[0] = 0x0102030405060708;
    c->xmm[2].u64[1] = 0x1112131415161718;
    says(b, "p1", "8877665544332211");
    says(b, "p10", "0080000000000000");                 /* rip */
    says(b, "p12", "38000000");                         /* cs */
    says(b, "p2a", "08070605040302011817161514131211"); /* xmm2 */
    says(b, "p7f", "E14");
    says(b, "p", "E14");
    says(b, "P0=0100000000000080", "OK");
    g_assert_cmphex(c->gpr[X86_RAX], ==, 0x8000000000000001);
    says(b, "P11=d7000000", "OK"); /* SF ZF AF PF CF */
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0xd7);
    says(b, "P18=0000000000000080ff3f", "OK"); /* st0 = 1.0 */
    g_assert_cmphex(c->fpr_se[c->ftop], ==, 0x3fff);
    says(b, "P12=10000000", "E22"); /* no selectors in protected mode */
    says(b, "P0=00", "E22");
    says(b, "P0", "E14");
    says(b, "P7f=00", "E14");
    all = reply(b, "g");
    g_assert_true(g_str_has_prefix(all, "01000000000000808877665544332211"));
    memcpy(all, "fe", 2);
    again = g_strconcat("G", all, NULL);
    says(b, again, "OK");
    g_assert_cmphex(c->gpr[X86_RAX], ==, 0x80000000000000fe);
    says(b, "G00", "E22");
    says(b, "Gxyz", "E22");
}

static void test_description(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autoptr(GString) xml = g_string_new(NULL);
    unsigned bits = 0;
    g_autofree char *all = NULL;

    for (;;) {
        g_autofree char *q = g_strdup_printf(
            "qXfer:features:read:target.xml:%x,100", (unsigned)xml->len);
        g_autofree char *part = reply(b, q);

        g_string_append(xml, part + 1);
        g_assert_cmpuint(strlen(part), <=, 0x201);
        if (part[0] == 'l') {
            break;
        }
        g_assert_cmpint(part[0], ==, 'm');
    }
    g_assert_nonnull(strstr(xml->str, "<architecture>i386:x86-64<"));
    g_assert_nonnull(strstr(xml->str, "name=\"xmm15\" bitsize=\"128\" "
                                      "type=\"vec128\" regnum=\"55\""));
    g_assert_nonnull(strstr(xml->str, "name=\"fs_base\""));
    g_assert_nonnull(strstr(xml->str, "name=\"efer\""));
    /* the registers of g are exactly the described ones */
    for (const char *p = xml->str; (p = strstr(p, "bitsize=\"")); p++) {
        bits += (unsigned)g_ascii_strtoull(p + 9, NULL, 10);
    }
    all = reply(b, "g");
    g_assert_cmpuint(strlen(all), ==, bits / 4);
    says(b, "qXfer:features:read:other.xml:0,100", "E00");
    says(b, "qXfer:features:read:target.xml:ffffff,100", "E22");
    says(b, "qXfer:features:read:target.xml:0", "E22");
    says(b, "qXfer:threads:read::0,15", "m<?xml version=\"1.0\"?>");
}

static void test_memory(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autofree char *data = NULL;

    says(b, "M9000,4:01020304", "OK");
    g_assert_cmphex(box_get(b->box, 0x9000, 4), ==, 0x04030201);
    says(b, "m9000,4", "01020304");
    says(b, "m9002,0", "");
    says(b, "X9001,2:ab", "OK");
    g_assert_cmphex(box_get(b->box, 0x9000, 4), ==, 0x04626101);
    says(b, "X9001,0:", "OK");
    says(b, "X9001,3:ab", "E22");
    says(b, "M9000,4:010203", "E22");
    says(b, "M9000,1:xy", "E22");
    says(b, "m9000,4001", "E22");
    says(b, "m9000", "E22");
    says(b, "m,4", "E22");
    says(b, "m7fffffffffff,1", "E14"); /* not mapped */
    says(b, "M7fffffffffff,1:00", "E14");
    says(b, "m11111111111111111,1", "E22"); /* 17 digits */
    says(b, "qqemu.PhyMemMode", "0");
    says(b, "Qqemu.PhyMemMode:1", "OK");
    says(b, "qqemu.PhyMemMode", "1");
    says(b, "m9000,2", "0161");
    says(b, "m7fffffffffff,1", "E14");
    says(b, "Qqemu.PhyMemMode:0", "OK");
    data = reply(b, "m0,2000");
    g_assert_cmpuint(strlen(data), ==, 0x4000);
    says(b, "qqemu.Supported", "sstepbits;sstep;PhyMemMode");
    says(b, "qqemu.sstepbits", "ENABLE=1");
    says(b, "Qqemu.sstep=1", "OK");
    says(b, "Qqemu.sstep=7", "E22");
}

/* inc rax; inc rax; mov [0x9000], rax; mov rcx, [0x9000]; jmp back */
static void loop_code(GdbBench *b)
{
    static const uint8_t code[] = {
        0x48, 0xff, 0xc0, 0x48, 0xff, 0xc0, 0x48, 0x89, 0x04, 0x25, 0x00, 0x90,
        0x00, 0x00, 0x48, 0x8b, 0x0c, 0x25, 0x00, 0x90, 0x00, 0x00, 0xeb, 0xe8,
    };

    memcpy(b->box->ram + GDB_CODE_AT, code, sizeof(code));
    b->box->c->gpr[X86_RAX] = 0;
}

static void test_resume(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    X86Cpu *c = b->box->c;

    loop_code(b);
    says(b, "vCont?", "vCont;c;C;s;S;t;r");
    says(b, "Z0,8003,1", "OK");
    called(b, "stop");
    starts(b, "vCont;c:1");
    called(b, "cont");
    gdb_bench_run(b, 100);
    hears(b, "T05thread:01;");
    g_assert_cmphex(c->v.pc, ==, 0x8003);
    starts(b, "c");
    gdb_bench_run(b, 100);
    hears(b, "T05thread:01;");
    g_assert_cmpuint(c->gpr[X86_RAX], ==, 3); /* once around */
    says(b, "z0,8003,1", "OK");
    says(b, "z0,8003,1", "E22");
    g_assert_false(accel_break_here(b->vm, 0x8003));
    starts(b, "s");
    gdb_bench_run(b, 1);
    hears(b, "T05thread:01;");
    g_assert_cmphex(c->v.pc, ==, 0x8006);
    starts(b, "s8000"); /* from another place */
    gdb_bench_run(b, 1);
    hears(b, "T05thread:01;");
    g_assert_cmphex(c->v.pc, ==, 0x8003);
    starts(b, "C05");
    chr_say(b->fd, "\x03");
    hears(b, "T02thread:01;");
    starts(b, "vCont;S05:1;c");
    called(b, "cont,step0,step0,cont,stop,step0");
    /* who asks instead of waiting stops it first */
    chr_say(b->fd, "$qC#b4");
    {
        g_autofree char *said = chr_hear(b->fd);

        g_assert_cmpstr(said, ==, "+$T02thread:01;#04$QC01#f5");
    }
    starts(b, "vCont;r8000,8006:1;c");
    called(b, "stop,range0");
    gdb_bench_run(b, 1);
    hears(b, "T05thread:01;");
    says(b, "vCont;r8000:1", "E22");
    says(b, "vCont;r:1", "E22");
    says(b, "vCont;x", "");
    says(b, "vCont;c:9", "E22");
    says(b, "vCont", "E22");
    says(b, "vCont;Czz", "E22");
    says(b, "vCont;t", "T02thread:01;");
    says(b, "czz", "E22");
    says(b, "S", "E22");
}

static void test_watchpoints(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    X86Cpu *c = b->box->c;

    loop_code(b);
    says(b, "Z2,9004,2", "OK"); /* the upper half of the stored value */
    starts(b, "c");
    gdb_bench_run(b, 100);
    hears(b, "T05thread:01;watch:9004;");
    g_assert_cmphex(c->v.pc, ==, 0x800e); /* after the store */
    says(b, "Z3,9000,1", "OK");
    starts(b, "c");
    gdb_bench_run(b, 100);
    hears(b, "T05thread:01;rwatch:9000;");
    g_assert_cmphex(c->v.pc, ==, 0x8016); /* after the load */
    says(b, "z2,9004,2", "OK");
    says(b, "z3,9000,1", "OK");
    says(b, "Z4,8ff0,20", "OK");
    starts(b, "c");
    gdb_bench_run(b, 100);
    hears(b, "T05thread:01;awatch:9000;");
    g_assert_cmphex(c->v.pc, ==, 0x800e);
    says(b, "?", "T05thread:01;"); /* forgets all points */
    starts(b, "c");
    gdb_bench_run(b, 50);
    hears(b, "T05thread:01;");
    says(b, "Z2,9000,0", "E22");
    says(b, "Z5,9000,1", "");
    says(b, "Z2,9000", "E22");
    says(b, "z2,9000,4", "E22");
}

static void test_conditions(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    X86Cpu *c = b->box->c;

    loop_code(b);
    /* reg 0; const8 7; equal; end */
    says(b, "Z1,8003,1;X7,26000022071327", "OK");
    starts(b, "c");
    gdb_bench_run(b, 100);
    hears(b, "T05thread:01;");
    g_assert_cmpuint(c->gpr[X86_RAX], ==, 7);
    /* put again with another: const16 0x9000; ref64; const8 10; equal */
    says(b,
         "Z1,8003,1;X8,2390001922"
         "0a1327",
         "OK");
    starts(b, "c");
    gdb_bench_run(b, 1000);
    hears(b, "T05thread:01;");
    g_assert_cmpuint(c->gpr[X86_RAX], ==, 11);
    says(b, "Z1,8003,1;X2,26", "E22");
    says(b, "Z1,8003,1;Y", "E22");
    says(b, "Z1,8003,1;X,", "E22");
}

/* Code, and whether it is true: worked out from the manual's table. */
static void test_bytecode(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    static const struct {
        const char *code;
        bool truth;
    } rows[] = {
        {"220027", false},
        {"220127", true},
        {"2205220302"
         "22081327",
         true}, /* 5 + 3 == 8 */
        {"2205220303"
         "22021327",
         true}, /* 5 - 3 == 2 */
        {"2205220304"
         "220f1327",
         true}, /* 5 * 3 == 15 */
        {"22f91608"
         "22020522fd16081327",
         true}, /* -7 / 2 == -3 */
        {"22f91608"
         "22020722ff16081327",
         true}, /* -7 rem 2 == -1 */
        {"22072202"
         "06220313"
         "27",
         true}, /* 7 / 2 == 3 */
        {"22072200"
         "0527",
         true}, /* by zero: counts as true */
        {"2201223f09"
         "223f0a0e27",
         false}, /* sign stays */
        {"22ff1608"
         "2201"
         "1427",
         true}, /* -1 < 1 */
        {"22ff1608"
         "2201"
         "1527",
         false}, /* unsigned: not */
        {"23ffff"
         "2a08"
         "22ff1327",
         true}, /* zero_ext 8 */
        {"2200"
         "200009"
         "220027"
         "220127",
         false},
        {"2201"
         "200008"
         "220027"
         "220127",
         true},
        {"210005"
         "2200"
         "220127",
         true},
        {"210000", true}, /* for ever: bounded */
        {"27", true},
        {"0227", true}, /* nothing to add */
        {"22012202"
         "2b"
         "0322011327",
         true}, /* swap: 2 - 1 */
        {"22052206"
         "3201"
         "22051327",
         true}, /* pick */
        {"220122022203"
         "3329"
         "22011327",
         true}, /* rot, pop: 3 1 */
        {"220028"
         "13"
         "27",
         true},
        {"247fffffff2500000000"
         "7fffffff"
         "1327",
         true},
        {"26ffff27", true},               /* no such register */
        {"25ffffffffffffffff1727", true}, /* unmapped memory */
        {"ff27", true},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t code[64];
        size_t n = strlen(rows[i].code) / 2;
        Scan s = {rows[i].code, rows[i].code + 2 * n};

        g_assert_true(scan_bytes(&s, code, n));
        if (condition_true(b->vm->gdb, &b->box->c->v, code, n)
            != rows[i].truth) {
            g_error("%s is not %d", rows[i].code, rows[i].truth);
        }
    }
}

static void test_monitor(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autofree char *said = gdb_bench_ask(b, "qRcmd,696e666f"); /* info */
    g_autoptr(GString) expected = g_string_new("+");

    packet_wrap(expected, "O796f75207361696420696e666f0a", 29);
    packet_wrap(expected, "OK", 2);
    g_assert_cmpstr(said, ==, expected->str);
    says(b, "qRcmd,6", "E22");
}

static void test_vanish(void)
{
    g_autoptr(GdbBench) b = gdb_bench_new();

    says(b, "Z0,8003,1", "OK");
    says(b, "Z2,9000,8", "OK");
    called(b, "stop");
    gdb_bench_hang_up(b);
    called(b, "left1"); /* it had stopped the machine: that goes on */
    g_assert_true(b->running);
    g_assert_false(gdb_attended(b->vm));
    g_assert_false(accel_break_here(b->vm, 0x8003));
    g_assert_cmpuint(b->vm->gdb->points->len, ==, 0);
}

static void test_exit(void)
{
    GdbBench *b = gdb_bench_new();
    g_autofree char *said = NULL;
    int fd = b->fd;

    b->fd = -1;
    gdb_bench_free(b);
    said = chr_hear(fd);
    g_assert_cmpstr(said, ==, "$W03#ba");
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gdbstub/attach", test_attach);
    g_test_add_func("/gdbstub/multiprocess", test_multiprocess);
    g_test_add_func("/gdbstub/frames", test_frames);
    g_test_add_func("/gdbstub/too-long", test_too_long);
    g_test_add_func("/gdbstub/no-ack", test_no_ack);
    g_test_add_func("/gdbstub/registers", test_registers);
    g_test_add_func("/gdbstub/description", test_description);
    g_test_add_func("/gdbstub/memory", test_memory);
    g_test_add_func("/gdbstub/resume", test_resume);
    g_test_add_func("/gdbstub/watchpoints", test_watchpoints);
    g_test_add_func("/gdbstub/conditions", test_conditions);
    g_test_add_func("/gdbstub/bytecode", test_bytecode);
    g_test_add_func("/gdbstub/monitor", test_monitor);
    g_test_add_func("/gdbstub/vanish", test_vanish);
    g_test_add_func("/gdbstub/exit", test_exit);
    return g_test_run();
}
