/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU models and the -cpu text. Family, model, stepping and features are the
 * manufacturers' (SDM 2A CPUID, APM 3 appendix E); what is shown to the guest
 * is cut to what is implemented. */
#include <stdlib.h>

#include "cpu/x86/sys_priv.h"

/* What works. A row joins when its instructions and tests do. */
/* clang-format off */
static const uint32_t implemented_all[X86_FEAT_NAMED] = {
    [X86_FEAT_1_EDX] = 1u << 0 /* fpu */ | X86_F1D_VME | 1u << 2 /* de */ | X86_F1D_PSE
        | X86_F1D_TSC | X86_F1D_MSR | X86_F1D_PAE | X86_F1D_MCE | X86_F1D_CX8
        | X86_F1D_APIC | X86_F1D_SEP | X86_F1D_MTRR | X86_F1D_PGE
        | X86_F1D_MCA | X86_F1D_CMOV | X86_F1D_PAT | X86_F1D_PSE36
        | X86_F1D_CLFSH | X86_F1D_MMX | X86_F1D_FXSR | X86_F1D_SSE
        | X86_F1D_SSE2 | 1u << 27 /* ss */,
    [X86_FEAT_1_ECX] = X86_F1C_SSE3 | 1u << 9 /* ssse3 */ | X86_F1C_CX16
        | X86_F1C_PCID | X86_F1C_X2APIC | X86_F1C_TSC_DEADLINE | 1u << 19 /* sse4.1 */ | 1u << 20 /* sse4.2 */
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
    [X86_FEAT_80000008_EBX] = 1u << 2 /* xsaveerptr: always */
        | 1u << 9 /* wbnoinvd: nothing is cached */,
    [X86_FEAT_D1_EAX] = X86_FD1_XSAVEOPT | X86_FD1_XSAVEC
        | X86_FD1_XGETBV1 | X86_FD1_XSAVES,
    [X86_FEAT_6_EAX] = 1u << 2 /* arat: the APIC timer never stops */,
    [X86_FEAT_80000007_EDX] = 1u << 8 /* invtsc: it runs at one rate */,
};

/* 0x80000001 EDX of AMD repeats these bits of leaf 1. */
#define AMD_REPEATED 0x0183f3ffu

typedef struct FeatureName {
    const char *name;
    uint8_t word, bit;
} FeatureName;

static const FeatureName feature_names[] = {
#define FEATURE(nm, w, b) {nm, X86_FEAT_##w, b},
#include "cpu/x86/feature_rows.def"
#undef FEATURE
};

#define INTEL "GenuineIntel"
#define AMD "AuthenticAMD"
#define HYGON "HygonGenuine"

static const X86Model models[] = {
    {"max", AMD, "Reprise virtual CPU, all features", 0xd, 0x80000008, 15, 107, 1, .all = true, .doc = "everything implemented"},
    {"base", AMD, "Reprise virtual CPU, base", 1, 0x80000004, 6, 6, 3, .doc = "no feature at all; add some"},
#define MODEL(nm, maker, id, basic, extended, fam, mod, step, ...) \
    {nm, maker, id, basic, extended, fam, mod, step, {__VA_ARGS__}},
#define ALIAS(nm, of)
#include "cpu/x86/model_rows.def"
#undef MODEL
#undef ALIAS
};

static const struct {
    const char *name, *of;
} aliases[] = {
#define MODEL(...)
#define ALIAS(nm, of) {nm, of},
#include "cpu/x86/model_rows.def"
#undef MODEL
#undef ALIAS
};

/* How messages call the words. */
static const char *const feature_words[X86_FEAT_NAMED] = {
    "CPUID.01H:EDX", "CPUID.01H:ECX", "CPUID.07H:EBX", "CPUID.07H:ECX",
    "CPUID.07H:EDX", "CPUID.80000001H:EDX", "CPUID.80000001H:ECX",
    "CPUID.80000008H:EBX", "CPUID.0DH:EAX", "CPUID.06H:EAX",
    "CPUID.80000007H:EDX", "CPUID.07H_01H:EAX", "CPUID.8000000AH:EDX",
    "CPUID.C0000001H:EDX", "MSR(10AH)", "MSR(CFH)",
};

/* Properties of other emulators that change nothing here. */
static const char *const ignored_properties[] = {
    "migratable", "pmu", "kvm", "l3-cache", "host-cache-info",
    "host-phys-bits", "phys-bits", "full-cpuid-auto-level", "fill-mtrr-mask",
    "tcg-cpuid", "legacy-cache", "start-powered-off", "cpuid-0xb", "lmce",
    "full-width-write", "vmware-cpuid-freq", NULL,
};
static const char *const known_properties[] = {
    "vendor", "family", "model", "stepping", "model-id", "level", "xlevel",
    "min-level", "min-xlevel", "tsc-frequency", "enforce", "check", NULL,
};
/* clang-format on */

/* What this target has. */
static uint32_t implemented(unsigned word, bool long_mode)
{
    static const uint32_t long_only[X86_FEAT_NAMED] = {
        [X86_FEAT_1_ECX] = X86_F1C_CX16 | X86_F1C_PCID,
        [X86_FEAT_7_EBX] = X86_F7B_FSGSBASE | X86_F7B_INVPCID,
        [X86_FEAT_80000001_EDX] = X86_FXD_LM | X86_FXD_SYSCALL,
        [X86_FEAT_80000001_ECX] = X86_FXC_LAHF_LM,
    };

    return implemented_all[word] & (long_mode ? UINT32_MAX : ~long_only[word]);
}

static const X86Model *model_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (!strcmp(aliases[i].name, name)) {
            name = aliases[i].of;
            break;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (!strcmp(models[i].name, name)) {
            return &models[i];
        }
    }
    return NULL;
}

static bool model_unknown(const char *name, GError **error)
{
    const char *names[G_N_ELEMENTS(models) + G_N_ELEMENTS(aliases) + 1] = {
        NULL};
    const char *near;

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        names[i] = models[i].name;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        names[G_N_ELEMENTS(models) + i] = aliases[i].name;
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
    uint32_t wanted[X86_FEAT_NAMED];
    bool enforce, check;
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

    if (!f) {
        return feature_unknown(name, error);
    }
    if (on) {
        t->wanted[f->word] |= 1u << f->bit;
    } else {
        t->wanted[f->word] &= ~(1u << f->bit);
    }
    return true;
}

/* What is not there is left out, and said; "enforce" makes it an error. */
static bool features_cut(ModelText *t, bool long_mode, GError **error)
{
    Vm *vm = t->c->v.dev.vm;
    bool missing = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        const FeatureName *f = &feature_names[i];
        uint32_t bit = 1u << f->bit;

        if (!(t->wanted[f->word] & ~implemented(f->word, long_mode) & bit)) {
            continue;
        }
        missing = true;
        t->wanted[f->word] &= ~bit; /* its first name is enough */
        if (vm && (t->check || t->enforce)) {
            log_write(vm,
                      "warning: TCG doesn't support requested feature: "
                      "%s.%s [bit %u]\n",
                      feature_words[f->word], f->name, f->bit);
        }
    }
    if (missing && t->enforce) {
        return fail(error, "TCG doesn't support requested features");
    }
    for (unsigned i = 0; i < X86_FEAT_COUNT; i++) {
        t->c->features[i] = t->wanted[i] & implemented(i, long_mode);
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
        || g_str_has_prefix(name, "hv-") || g_str_has_prefix(name, "kvm-")
        || g_str_has_prefix(name, "x-")) {
        return true;
    }
    if (!strcmp(name, "enforce") || !strcmp(name, "check")) {
        *(name[0] == 'e' ? &t->enforce : &t->check) = on;
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

bool x86_model_apply(X86Cpu *c, const char *text, bool long_mode,
                     GError **error)
{
    g_auto(GStrv) part = g_strsplit(text && *text ? text
                                    : long_mode   ? "qemu64"
                                                  : "qemu32",
                                    ",", -1);
    const X86Model *row = model_find(part[0]);
    ModelText t = {.c = c, .check = true};

    if (!row) {
        return model_unknown(part[0], error);
    }
    t.m = g_new(X86Model, 1);
    *t.m = *row;
    t.m->vendor = g_strdup(row->vendor);
    t.m->brand = g_strdup(row->brand);
    c->model = t.m;
    c->features_text = g_strdup(text);
    for (unsigned i = 0; i < X86_FEAT_COUNT; i++) {
        t.wanted[i] = row->all ? implemented(i, long_mode) : row->features[i];
    }
    t.wanted[X86_FEAT_1_ECX] |= X86_F1C_HYPERVISOR;
    for (unsigned i = 1; part[i]; i++) {
        if (*part[i] && !item_apply(&t, part[i], error)) {
            return false;
        }
    }
    if (!features_cut(&t, long_mode, error)) {
        return false;
    }
    if (!strcmp(c->model->vendor, AMD)) {
        c->features[X86_FEAT_80000001_EDX] |=
            c->features[X86_FEAT_1_EDX] & AMD_REPEATED;
    }
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
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        g_string_append_printf(out, "  %-26s (alias of %s)\n", aliases[i].name,
                               aliases[i].of);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        const char *doc = models[i].doc ? models[i].doc : models[i].brand;

        g_string_append_printf(out, "  %-26s %s\n", models[i].name, doc);
    }
    g_string_append(out, "\nFeatures (implemented):\n ");
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_names); i++) {
        const FeatureName *f = &feature_names[i];

        if (implemented(f->word, long_mode) & (1u << f->bit)) {
            g_string_append_printf(out, " %s", f->name);
        }
    }
    g_string_append(out, "\n");
}

/* --- for those who ask -------------------------------------------------------- */

static void model_visit(const X86Model *m, const char *name, bool long_mode,
                        X86ModelVisit *visit, void *opaque)
{
    const char *missing[G_N_ELEMENTS(feature_names) + 1] = {NULL};
    unsigned n = 0;

    for (unsigned k = 0; k < G_N_ELEMENTS(feature_names); k++) {
        const FeatureName *f = &feature_names[k];

        if (f->word < X86_FEAT_COUNT
            && (m->features[f->word] & ~implemented(f->word, long_mode)
                & (1u << f->bit))) {
            missing[n++] = f->name;
        }
    }
    visit(opaque, name, missing);
}

void x86_models_foreach(bool long_mode, X86ModelVisit *visit, void *opaque)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        model_visit(model_find(aliases[i].name), aliases[i].name, long_mode,
                    visit, opaque);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        model_visit(&models[i], models[i].name, long_mode, visit, opaque);
    }
}

void x86_features_foreach(const uint32_t features[X86_FEAT_COUNT],
                          X86FeatureVisit *visit, void *opaque)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(feature_names); k++) {
        const FeatureName *f = &feature_names[k];

        visit(opaque, f->name,
              f->word < X86_FEAT_COUNT
                  && (features[f->word] & (1u << f->bit)) != 0);
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
