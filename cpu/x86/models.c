/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU models and the -cpu text. Family, model, stepping and features are the
 * manufacturers' (SDM 2A CPUID, APM 3 appendix E); what is shown to the guest
 * is cut to x86_implemented. */
#include <stdlib.h>

#include "cpu/x86/sys_priv.h"

/* What works. A row joins when its instructions and tests do. */
/* clang-format off */
const uint32_t x86_implemented[X86_FEAT_COUNT] = {
    [X86_FEAT_1_EDX] = 1u << 0 /* fpu */ | 1u << 2 /* de */ | X86_F1D_PSE
        | X86_F1D_TSC | X86_F1D_MSR | X86_F1D_PAE | X86_F1D_MCE | X86_F1D_CX8
        | X86_F1D_APIC | X86_F1D_SEP | X86_F1D_MTRR | X86_F1D_PGE
        | X86_F1D_MCA | X86_F1D_CMOV | X86_F1D_PAT | X86_F1D_PSE36
        | X86_F1D_CLFSH | X86_F1D_MMX | X86_F1D_FXSR | X86_F1D_SSE
        | X86_F1D_SSE2,
    [X86_FEAT_1_ECX] = X86_F1C_SSE3 | 1u << 9 /* ssse3 */ | X86_F1C_CX16
        | X86_F1C_PCID | 1u << 19 /* sse4.1 */ | 1u << 20 /* sse4.2 */
        | 1u << 1 /* pclmulqdq */ | 1u << 25 /* aes */
        | 1u << 12 /* fma */ | 1u << 22 /* movbe */ | 1u << 23 /* popcnt */
        | X86_F1C_XSAVE | X86_F1C_AVX | 1u << 29 /* f16c */
        | 1u << 30 /* rdrand */ | X86_F1C_HYPERVISOR,
    [X86_FEAT_7_EBX] = X86_F7B_FSGSBASE | X86_F7B_TSC_ADJUST | X86_F7B_SMEP
        | X86_F7B_INVPCID | X86_F7B_SMAP | 1u << 3 /* bmi1 */
        | 1u << 5 /* avx2 */ | 1u << 8 /* bmi2 */ | 1u << 9 /* erms */
        | 1u << 18 /* rdseed */ | 1u << 19 /* adx */ | 1u << 23 /* clflushopt */
        | 1u << 24 /* clwb */ | 1u << 29 /* sha-ni */,
    [X86_FEAT_7_ECX] = X86_F7C_UMIP | 1u << 9 /* vaes */
        | 1u << 10 /* vpclmulqdq */ | 1u << 22 /* rdpid */,
    [X86_FEAT_7_EDX] = 1u << 4 /* fsrm */,
    [X86_FEAT_80000001_EDX] = X86_FXD_SYSCALL | X86_FXD_NX | X86_FXD_PDPE1GB
        | X86_FXD_RDTSCP | X86_FXD_LM | 1u << 22 /* mmxext */,
    [X86_FEAT_80000001_ECX] = X86_FXC_LAHF_LM | 1u << 5 /* abm */
        | 1u << 8 /* 3dnowprefetch */,
    [X86_FEAT_D1_EAX] = X86_FD1_XSAVEOPT | X86_FD1_XSAVEC | X86_FD1_XGETBV1,
};

/* 0x80000001 EDX of AMD repeats these bits of leaf 1. */
#define AMD_REPEATED 0x0183f3ffu

typedef struct FeatureName {
    const char *name;
    uint8_t word, bit;
} FeatureName;

#define D1(n, b) {n, X86_FEAT_1_EDX, b}
#define C1(n, b) {n, X86_FEAT_1_ECX, b}
#define B7(n, b) {n, X86_FEAT_7_EBX, b}
#define C7(n, b) {n, X86_FEAT_7_ECX, b}
#define D7(n, b) {n, X86_FEAT_7_EDX, b}
#define XD(n, b) {n, X86_FEAT_80000001_EDX, b}
#define XC(n, b) {n, X86_FEAT_80000001_ECX, b}
#define B8(n, b) {n, X86_FEAT_80000008_EBX, b}
#define A13(n, b) {n, X86_FEAT_D1_EAX, b}
static const FeatureName feature_names[] = {
    D1("fpu", 0), D1("vme", 1), D1("de", 2), D1("pse", 3), D1("tsc", 4),
    D1("msr", 5), D1("pae", 6), D1("mce", 7), D1("cx8", 8), D1("apic", 9),
    D1("sep", 11), D1("mtrr", 12), D1("pge", 13), D1("mca", 14),
    D1("cmov", 15), D1("pat", 16), D1("pse36", 17), D1("pn", 18),
    D1("clflush", 19), D1("ds", 21), D1("acpi", 22), D1("mmx", 23),
    D1("fxsr", 24), D1("sse", 25), D1("sse2", 26), D1("ss", 27), D1("ht", 28),
    D1("tm", 29), D1("pbe", 31),
    C1("pni", 0), C1("sse3", 0), C1("pclmulqdq", 1), C1("dtes64", 2),
    C1("monitor", 3), C1("ds-cpl", 4), C1("vmx", 5), C1("smx", 6),
    C1("est", 7), C1("tm2", 8), C1("ssse3", 9), C1("fma", 12), C1("cx16", 13),
    C1("xtpr", 14), C1("pdcm", 15), C1("pcid", 17), C1("dca", 18),
    C1("sse4.1", 19), C1("sse4-1", 19), C1("sse4.2", 20), C1("sse4-2", 20),
    C1("x2apic", 21), C1("movbe", 22), C1("popcnt", 23),
    C1("tsc-deadline", 24), C1("aes", 25), C1("xsave", 26), C1("avx", 28),
    C1("f16c", 29), C1("rdrand", 30), C1("hypervisor", 31),
    B7("fsgsbase", 0), B7("tsc-adjust", 1), B7("bmi1", 3), B7("hle", 4),
    B7("avx2", 5), B7("smep", 7), B7("bmi2", 8), B7("erms", 9),
    B7("invpcid", 10), B7("rtm", 11), B7("mpx", 14), B7("avx512f", 16),
    B7("avx512dq", 17), B7("rdseed", 18), B7("adx", 19), B7("smap", 20),
    B7("clflushopt", 23), B7("clwb", 24), B7("avx512cd", 28),
    B7("sha-ni", 29), B7("avx512bw", 30), B7("avx512vl", 31),
    C7("umip", 2), C7("pku", 3), C7("gfni", 8), C7("vaes", 9), C7("vpclmulqdq", 10), C7("la57", 16), C7("rdpid", 22),
    D7("fsrm", 4), D7("md-clear", 10), D7("spec-ctrl", 26), D7("stibp", 27),
    D7("arch-capabilities", 29), D7("ssbd", 31),
    XD("syscall", 11), XD("nx", 20), XD("xd", 20), XD("mmxext", 22),
    XD("fxsr-opt", 25), XD("pdpe1gb", 26), XD("rdtscp", 27), XD("lm", 29),
    XD("i64", 29), XD("3dnowext", 30), XD("3dnow", 31),
    XC("lahf-lm", 0), XC("cmp-legacy", 1), XC("svm", 2), XC("extapic", 3),
    XC("cr8legacy", 4), XC("abm", 5), XC("lzcnt", 5), XC("sse4a", 6),
    XC("misalignsse", 7), XC("3dnowprefetch", 8), XC("osvw", 9),
    XC("topoext", 22),
    B8("clzero", 0), B8("wbnoinvd", 9), B8("ibpb", 12),
    A13("xsaveopt", 0), A13("xsavec", 1), A13("xgetbv1", 2), A13("xsaves", 3),
};

/* Bits of leaf 1 EDX by generation */
#define D_486 0x0000000bu               /* fpu vme pse */
#define D_P5 (D_486 | 0x008001b4u)      /* de tsc msr mce cx8 mmx */
#define D_P2 (D_P5 | 0x0103f840u)       /* pae sep mtrr pge mca cmov pat pse36 fxsr */
#define D_P3 (D_P2 | X86_F1D_SSE)
#define D_BASE32 (0x0783fbfdu & ~(X86_F1D_MTRR | X86_F1D_MCA | X86_F1D_PSE36)) /* to SSE2, without vme */
#define D_BASE64 (D_BASE32 | X86_F1D_MTRR | X86_F1D_CLFSH | X86_F1D_MCA | X86_F1D_PSE36)
#define D_CORE (D_BASE64 | 1u << 1 | 1u << 27)     /* vme ss */
#define C_PENRYN 0x00082201u            /* sse3 ssse3 cx16 sse4.1 */
#define C_NEHALEM (C_PENRYN | 0x00900000u)         /* sse4.2 popcnt */
#define C_SANDY (C_NEHALEM | 0x17220002u)          /* pclmul pcid x2apic tsc-deadline aes xsave avx */
#define C_HASWELL (C_SANDY | 0x60401000u)          /* fma movbe f16c rdrand */
#define B_HASWELL 0x00000fb9u           /* fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm */
#define X_BASE (X86_FXD_SYSCALL | X86_FXD_NX | X86_FXD_LM)

#define FEATURES(d1, c1, b7, xd, xc) { [X86_FEAT_1_EDX] = (d1), [X86_FEAT_1_ECX] = (c1), \
    [X86_FEAT_7_EBX] = (b7), [X86_FEAT_80000001_EDX] = (xd), [X86_FEAT_80000001_ECX] = (xc)}
#define INTEL "GenuineIntel"
#define AMD "AuthenticAMD"

static const X86Model models[] = {
    {"qemu64", AMD, "Reprise virtual CPU", 0xd, 0x8000000a, 15, 107, 1,
     FEATURES(D_BASE64, X86_F1C_SSE3 | X86_F1C_CX16, 0, X_BASE, X86_FXC_LAHF_LM | 4), .only64 = true, .doc = "default of x86_64"},
    {"qemu32", INTEL, "Reprise virtual CPU", 4, 0x80000004, 6, 6, 3,
     FEATURES(D_BASE32, X86_F1C_SSE3, 0, 0, 0), .doc = "default of i386"},
    {"max", AMD, "Reprise virtual CPU, all features", 0xd, 0x80000008, 15, 107, 1, .all = true, .doc = "everything implemented"},
    {"base", AMD, "Reprise virtual CPU, base", 1, 0x80000004, 6, 6, 3, .doc = "no feature at all; add some"},
    {"486", INTEL, "", 1, 0, 4, 8, 0, FEATURES(D_486, 0, 0, 0, 0)},
    {"pentium", INTEL, "", 1, 0, 5, 4, 3, FEATURES(D_P5, 0, 0, 0, 0)},
    {"pentium2", INTEL, "", 2, 0, 6, 5, 2, FEATURES(D_P2, 0, 0, 0, 0)},
    {"pentium3", INTEL, "", 3, 0, 6, 7, 3, FEATURES(D_P3, 0, 0, 0, 0)},
    {"athlon", AMD, "AMD Athlon processor", 1, 0x80000008, 6, 2, 3, FEATURES(D_BASE32 | X86_F1D_MTRR | X86_F1D_MCA | X86_F1D_PSE36 | 2, 0, 0, 1u << 22 | 3u << 30, 0)},
    {"kvm32", INTEL, "Common 32-bit virtual processor", 5, 0x80000008, 15, 6, 1, FEATURES(D_BASE64, X86_F1C_SSE3, 0, 0, 0)},
    {"kvm64", INTEL, "Common 64-bit virtual processor", 0xd, 0x80000008, 15, 6, 1, FEATURES(D_BASE64, X86_F1C_SSE3 | X86_F1C_CX16, 0, X_BASE, 0), .only64 = true},
    {"coreduo", INTEL, "Intel Core Duo", 10, 0x80000008, 6, 14, 8, FEATURES(D_CORE, X86_F1C_SSE3, 0, X86_FXD_NX, 0)},
    {"core2duo", INTEL, "Intel Core 2 Duo", 10, 0x80000008, 6, 15, 11, FEATURES(D_CORE, 0x00002201, 0, X_BASE, X86_FXC_LAHF_LM), .only64 = true},
    {"Conroe", INTEL, "Intel Core 2 (65 nm)", 10, 0x80000008, 6, 15, 3, FEATURES(D_BASE64, 0x00000201, 0, X_BASE, X86_FXC_LAHF_LM), .only64 = true},
    {"Penryn", INTEL, "Intel Core 2 (45 nm)", 10, 0x80000008, 6, 23, 3, FEATURES(D_BASE64, C_PENRYN, 0, X_BASE, X86_FXC_LAHF_LM), .only64 = true},
    {"Nehalem", INTEL, "Intel Core i7 9xx", 11, 0x80000008, 6, 26, 3, FEATURES(D_BASE64, C_NEHALEM, 0, X_BASE, X86_FXC_LAHF_LM), .only64 = true},
    {"Westmere", INTEL, "Intel Westmere", 11, 0x80000008, 6, 44, 1, FEATURES(D_BASE64, C_NEHALEM | 1u << 25 | 2, 0, X_BASE, X86_FXC_LAHF_LM), .only64 = true},
    {"SandyBridge", INTEL, "Intel Xeon E312xx", 0xd, 0x80000008, 6, 42, 1, FEATURES(D_BASE64, C_SANDY, 0, X_BASE | X86_FXD_RDTSCP, X86_FXC_LAHF_LM), .only64 = true},
    {"IvyBridge", INTEL, "Intel Xeon E3-12xx v2", 0xd, 0x80000008, 6, 58, 9, FEATURES(D_BASE64, C_SANDY | 3u << 29, 0x281, X_BASE | X86_FXD_RDTSCP, X86_FXC_LAHF_LM), .only64 = true},
    {"Haswell", INTEL, "Intel Core (4th generation)", 0xd, 0x80000008, 6, 60, 4, FEATURES(D_BASE64, C_HASWELL, B_HASWELL, X_BASE | X86_FXD_RDTSCP, 0x21), .only64 = true},
    {"Broadwell", INTEL, "Intel Core (5th generation)", 0xd, 0x80000008, 6, 61, 2, FEATURES(D_BASE64, C_HASWELL, B_HASWELL | 7u << 18, X_BASE | X86_FXD_RDTSCP, 0x121), .only64 = true},
    {"Skylake-Client", INTEL, "Intel Core (6th generation)", 0xd, 0x80000008, 6, 94, 3, FEATURES(D_BASE64, C_HASWELL, B_HASWELL | 7u << 18, X_BASE | X86_FXD_RDTSCP, 0x121), .only64 = true},
    {"Opteron_G1", AMD, "AMD Opteron 240", 5, 0x80000008, 15, 6, 1, FEATURES(D_BASE64, X86_F1C_SSE3, 0, X_BASE, 0), .only64 = true},
    {"Opteron_G2", AMD, "AMD Opteron 22xx", 5, 0x80000008, 15, 6, 1, FEATURES(D_BASE64, X86_F1C_SSE3 | X86_F1C_CX16, 0, X_BASE, 5), .only64 = true},
    {"phenom", AMD, "AMD Phenom processor", 5, 0x8000001a, 16, 2, 3, FEATURES(D_BASE64 | 2, 0x00802009, 0, X_BASE | X86_FXD_RDTSCP | X86_FXD_PDPE1GB, 0x65), .only64 = true},
    {"EPYC", AMD, "AMD EPYC processor", 0xd, 0x8000000a, 23, 1, 2, FEATURES(D_BASE64 | 2, C_HASWELL & ~0x01020000u, 0x219c05a9, X_BASE | X86_FXD_RDTSCP | X86_FXD_PDPE1GB, 0x3f1), .only64 = true},
};

/* Properties of other emulators that change nothing here. */
static const char *const ignored_properties[] = {
    "check", "migratable", "pmu", "kvm", "l3-cache", "host-cache-info",
    "host-phys-bits", "phys-bits", "full-cpuid-auto-level", "fill-mtrr-mask",
    "tcg-cpuid", "legacy-cache", "kvm-no-smi-migration", "start-powered-off",
    NULL,
};
static const char *const known_properties[] = {
    "vendor", "family", "model", "stepping", "model-id", "level", "xlevel",
    "min-level", "min-xlevel", "tsc-frequency", "enforce", NULL,
};
/* clang-format on */

static const X86Model *model_find(const char *name, bool long_mode)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (!strcmp(models[i].name, name) && (long_mode || !models[i].only64)) {
            return &models[i];
        }
    }
    return NULL;
}

static bool model_unknown(const char *name, bool long_mode, GError **error)
{
    const char *names[G_N_ELEMENTS(models) + 1] = {NULL};
    const char *near;
    unsigned n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (long_mode || !models[i].only64) {
            names[n++] = models[i].name;
        }
    }
    near = nearest_match(name, names);
    if (near) {
        return fail(error, "-cpu %s: no such model; did you mean '%s'?", name,
                    near);
    }
    return fail(error, "-cpu %s: no such model (-cpu help lists them)", name);
}

static bool feature_unknown(const char *name, GError **error)
{
    const char *names[G_N_ELEMENTS(feature_names)
                      + G_N_ELEMENTS(known_properties)] = {NULL};
    const char *near;
    unsigned n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        names[n++] = feature_names[i].name;
    }
    for (unsigned i = 0; known_properties[i]; i++) {
        names[n++] = known_properties[i];
    }
    near = nearest_match(name, names);
    if (near) {
        return fail(error, "-cpu: '%s' is no feature; did you mean '%s'?", name,
                    near);
    }
    return fail(error, "-cpu: '%s' is no feature or property", name);
}

/* --- the text ---------------------------------------------------------------- */

typedef struct ModelText {
    X86Cpu *c;
    X86Model *m; /* the CPU's own copy */
    bool enforce;
} ModelText;

static const FeatureName *feature_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        if (!strcmp(feature_names[i].name, name)) {
            return &feature_names[i];
        }
    }
    return NULL;
}

static bool feature_set(ModelText *t, const char *name, bool on, GError **error)
{
    const FeatureName *f = feature_find(name);
    uint32_t bit;

    if (!f) {
        return feature_unknown(name, error);
    }
    bit = 1u << f->bit;
    if (on && !(x86_implemented[f->word] & bit)) {
        if (t->enforce) {
            return fail(error, "-cpu: feature '%s' is not implemented", name);
        }
        log_write(t->c->v.dev.vm,
                  "warning: -cpu: feature '%s' is not implemented; left out\n",
                  name);
        return true;
    }
    if (on) {
        t->c->features[f->word] |= bit;
    } else {
        t->c->features[f->word] &= ~bit;
    }
    return true;
}

static bool number(const char *name, const char *text, uint64_t max,
                   uint64_t *out, GError **error)
{
    char *end;
    uint64_t v = g_ascii_strtoull(text, &end, 0);

    if (end == text || *end || v > max) {
        return fail(error, "-cpu: %s=%s: not a number up to %#llx", name, text,
                    (unsigned long long)max);
    }
    *out = v;
    return true;
}

static bool property_number(ModelText *t, const char *name, const char *value,
                            GError **error)
{
    X86Model *m = t->m;
    uint64_t v = 0;

    if (!strcmp(name, "tsc-frequency")) {
        if (!number(name, value, 1000000000000ull, &v, error)) {
            return false;
        }
        if (!v) {
            return fail(error, "-cpu: tsc-frequency must not be 0");
        }
        t->c->tsc_hz = v;
        return true;
    }
    if (!strcmp(name, "level") || !strcmp(name, "xlevel")
        || g_str_has_prefix(name, "min-")) {
        if (!number(name, value, UINT32_MAX, &v, error)) {
            return false;
        }
        if (strstr(name, "xlevel")) {
            m->xlevel = v;
        } else {
            m->level = v;
        }
        return true;
    }
    if (!number(name, value, name[0] == 's' ? 15 : 255, &v, error)) {
        return false;
    }
    if (!strcmp(name, "family")) {
        m->family = v;
    } else if (!strcmp(name, "model")) {
        m->model = v;
    } else {
        m->stepping = v;
    }
    return true;
}

static bool property_set(ModelText *t, const char *name, const char *value,
                         GError **error)
{
    bool on =
        !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");
    bool off = !strcmp(value, "off") || !strcmp(value, "no")
               || !strcmp(value, "false");

    if (g_strv_contains(ignored_properties, name)
        || g_str_has_prefix(name, "hv-")) {
        return true;
    }
    if (!strcmp(name, "enforce")) {
        t->enforce = on;
        return true;
    }
    if (!strcmp(name, "vendor")) {
        if (strlen(value) != 12) {
            return fail(error, "-cpu: vendor=%s: needs 12 characters", value);
        }
        g_free((char *)(uintptr_t)t->m->vendor);
        t->m->vendor = g_strdup(value);
        return true;
    }
    if (!strcmp(name, "model-id")) {
        g_free((char *)(uintptr_t)t->m->brand);
        t->m->brand = g_strdup(value);
        return true;
    }
    if (g_strv_contains(known_properties, name)) {
        return property_number(t, name, value, error);
    }
    if (!on && !off) {
        return feature_find(name)
                   ? fail(error, "-cpu: %s=%s: on or off", name, value)
                   : feature_unknown(name, error);
    }
    return feature_set(t, name, on, error);
}

static bool item_apply(ModelText *t, const char *item, GError **error)
{
    g_autofree char *name = g_strdup(item);
    char *value = strchr(name, '=');

    if (value) {
        *value++ = '\0';
    }
    g_strdelimit(name, "_", '-');
    if (value) {
        return property_set(t, name, value, error);
    }
    if (name[0] == '+' || name[0] == '-') {
        return feature_set(t, name + 1, name[0] == '+', error);
    }
    return property_set(t, name, "on", error);
}

/* Features that follow from others, and what the target has not. */
static void features_finish(X86Cpu *c, bool long_mode)
{
    if (!long_mode) {
        c->features[X86_FEAT_80000001_EDX] &= ~(X86_FXD_LM | X86_FXD_SYSCALL);
        c->features[X86_FEAT_80000001_ECX] &= ~X86_FXC_LAHF_LM;
        c->features[X86_FEAT_1_ECX] &= ~(X86_F1C_CX16 | X86_F1C_PCID);
        c->features[X86_FEAT_7_EBX] &= ~(X86_F7B_FSGSBASE | X86_F7B_INVPCID);
    }
    if (!strcmp(c->model->vendor, AMD)) {
        c->features[X86_FEAT_80000001_EDX] |=
            c->features[X86_FEAT_1_EDX] & AMD_REPEATED;
    }
}

bool x86_model_apply(X86Cpu *c, const char *text, bool long_mode,
                     GError **error)
{
    g_auto(GStrv) part = g_strsplit(text && *text ? text
                                    : long_mode   ? "qemu64"
                                                  : "qemu32",
                                    ",", -1);
    const X86Model *row = model_find(part[0], long_mode);
    ModelText t = {.c = c};

    if (!row) {
        return model_unknown(part[0], long_mode, error);
    }
    t.m = g_new(X86Model, 1);
    *t.m = *row;
    t.m->vendor = g_strdup(row->vendor);
    t.m->brand = g_strdup(row->brand);
    c->model = t.m;
    c->features_text = g_strdup(text);
    for (unsigned i = 0; i < X86_FEAT_COUNT; i++) {
        c->features[i] = row->all ? x86_implemented[i]
                                  : row->features[i] & x86_implemented[i];
    }
    c->features[X86_FEAT_1_ECX] |= X86_F1C_HYPERVISOR;
    for (unsigned pass = 0; pass < 2; pass++) {
        /* enforce speaks for the whole text */
        for (unsigned i = 1; part[i]; i++) {
            bool early = g_str_has_prefix(part[i], "enforce");

            if (*part[i] && early == (pass == 0)
                && !item_apply(&t, part[i], error)) {
                return false;
            }
        }
    }
    features_finish(c, long_mode);
    return true;
}

void x86_model_free(X86Cpu *c)
{
    if (c->model) {
        g_free((char *)(uintptr_t)c->model->vendor);
        g_free((char *)(uintptr_t)c->model->brand);
        g_free((X86Model *)(uintptr_t)c->model);
        c->model = NULL;
    }
    g_free(c->features_text);
    c->features_text = NULL;
}

void x86_cpu_help(GString *out, bool long_mode)
{
    g_string_append(out, "Models:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (long_mode || !models[i].only64) {
            const char *doc = models[i].doc ? models[i].doc : models[i].brand;

            g_string_append_printf(out, "  %-16s %s\n", models[i].name, doc);
        }
    }
    g_string_append(out, "\nFeatures (implemented):\n ");
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        const FeatureName *f = &feature_names[i];

        if (x86_implemented[f->word] & (1u << f->bit)) {
            g_string_append_printf(out, " %s", f->name);
        }
    }
    g_string_append(out, "\n");
}

/* --- for those who ask -------------------------------------------------------- */

void x86_models_foreach(bool long_mode, X86ModelVisit *visit, void *opaque)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        const char *missing[G_N_ELEMENTS(feature_names) + 1] = {NULL};
        unsigned n = 0;

        if (!long_mode && models[i].only64) {
            continue;
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(feature_names); k++) {
            const FeatureName *f = &feature_names[k];

            if (models[i].features[f->word] & ~x86_implemented[f->word]
                & (1u << f->bit)) {
                missing[n++] = f->name;
            }
        }
        visit(opaque, models[i].name, missing);
    }
}

void x86_features_foreach(const uint32_t features[X86_FEAT_COUNT],
                          X86FeatureVisit *visit, void *opaque)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(feature_names); k++) {
        const FeatureName *f = &feature_names[k];

        visit(opaque, f->name, (features[f->word] & (1u << f->bit)) != 0);
    }
}

bool x86_model_expand(const char *text, bool long_mode,
                      uint32_t features[X86_FEAT_COUNT], GError **error)
{
    X86Cpu *c = g_new0(X86Cpu, 1);
    bool good = x86_model_apply(c, text, long_mode, error);

    if (good) {
        memcpy(features, c->features, sizeof(c->features));
    }
    x86_model_free(c);
    g_free(c);
    return good;
}
