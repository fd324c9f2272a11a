#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the object files say: no call upwards, no host call where the guest is
computed, no writable globals. symbols.py ARCHIVE..."""
import re
import sys

import tree as t
from layers import BELOW

# Guest-visible code may not ask the host for time, entropy, environment,
# files, threads or floating point, nor bypass GLib's memory.
FORBIDDEN = set("""
    time clock clock_gettime gettimeofday ftime times nanosleep usleep sleep
    localtime localtime_r gmtime gmtime_r mktime strftime
    rand rand_r srand random srandom random_r drand48 lrand48 mrand48
    getrandom getentropy arc4random
    getenv secure_getenv setenv putenv environ setlocale
    read write pread pwrite readv writev open openat creat close lseek
    fopen fdopen freopen fclose fread fwrite fgets fputs fputc putc getc
    fprintf vfprintf printf vprintf puts putchar perror dprintf
    stdin stdout stderr
    socket connect accept bind listen send recv sendto recvfrom
    poll ppoll select epoll_wait ioctl fcntl
    malloc calloc realloc free reallocarray strdup strndup asprintf vasprintf
    posix_memalign aligned_alloc memalign
    exit _exit abort quick_exit atexit
    setjmp _setjmp sigsetjmp __sigsetjmp longjmp siglongjmp __longjmp_chk
    fork vfork execve system popen raise kill signal sigaction
    pthread_create pthread_self gettid getpid gethostname uname sysconf
    sched_getcpu
    qsort
    g_get_monotonic_time g_get_real_time g_usleep g_get_current_time
    g_date_time_new_now g_date_time_new_now_local g_date_time_new_now_utc
    g_random_int g_random_int_range g_random_double g_rand_new
    g_getenv g_get_environ g_get_num_processors g_get_host_name
    g_file_get_contents g_file_set_contents g_thread_new g_thread_self
    g_print g_printerr g_direct_hash g_str_hash_iter
    strtod strtof strtold atof g_ascii_strtod g_strtod
""".split())
LIBM = set("""
    sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sincos
    exp exp2 expm1 exp10 pow10 log log2 log10 log1p logb ilogb pow sqrt cbrt
    hypot erf erfc lgamma tgamma ceil floor trunc round lround llround rint
    lrint llrint nearbyint fmod remainder remquo modf frexp ldexp scalbn
    scalbln nextafter nexttoward fdim fmax fmin fma fabs copysign
    feclearexcept fegetround feraiseexcept fesetround fetestexcept
    fegetenv fesetenv feholdexcept feupdateenv
""".split())
FORBIDDEN |= LIBM | {f + s for f in LIBM for s in "fl"}

# (folder, object pattern, symbol pattern): why it is right there.
EXCEPTIONS = [
    ("core", r"core_log\.c", r"fprintf|vfprintf|fputs|fputc|fwrite|stderr"
     r"|fopen|fclose|stdout",
     "the log of the host program is not guest-visible"),
    ("core", r"core_(host_clock|log|error)\.c",
     r"clock_gettime|g_get_monotonic_time|nanosleep|g_usleep",
     "host_now(), and the rate limit of guest_error()"),
    ("core", r"core_fds\.c", r"open|close|fcntl",
     "descriptors that were handed over: back ends of the host"),
    ("core", r"core_(vm|input|device)\.c", r"g_thread_self|pthread_self",
     "assertions about the calling thread"),
]

# (symbol pattern): why it may be writable.
WRITABLE = [
    (r"q\.\d+", "G_DEFINE_QUARK: set once to the same value"),
]


def plain(name):
    """fprintf of __fprintf_chk, fopen of fopen64, sscanf of __isoc99_sscanf"""
    name = name.split("@")[0]
    chk = re.fullmatch(r"__(\w+)_chk", name)
    if chk and chk.group(1) in FORBIDDEN:
        return chk.group(1)
    if name.endswith("64") and name[:-2] in FORBIDDEN:
        return name[:-2]
    return name


def excepted(folder, obj, name):
    return any(f == folder and re.fullmatch(o, obj) and re.fullmatch(s, name)
               for f, o, s, _ in EXCEPTIONS)


def check(libs):
    out = []
    home = {}
    for folder, symbols in libs.items():
        for name in symbols.defined:
            if name in home and home[name] != folder:
                out.append(f"{folder}: {name} is also defined in "
                           f"{home[name]}/")
            home[name] = folder
    for folder, symbols in libs.items():
        for obj, name in symbols.undefined:
            owner = home.get(name)
            if owner and owner != folder and owner not in BELOW[folder]:
                out.append(f"{folder}: {obj} refers up to {name} of {owner}/")
            if owner is None and folder in t.INTEGER_ONLY:
                call = plain(name)
                if call in FORBIDDEN and not excepted(folder, obj, call):
                    out.append(f"{folder}: {obj} uses the host's {call}")
        for obj, name, section in symbols.writable:
            if not any(re.fullmatch(p, name) for p, _ in WRITABLE):
                out.append(f"{folder}: {obj} has the writable global {name} "
                           f"({section})")
    return out


def sample(*rows):
    text = "x/libx.a.p/x_a.c.o:     file format elf64-x86-64\n"
    return t.Symbols(text + "\n".join(rows))


UND = "0000000000000000         *UND*\t0000000000000000 "
FUN = "0000000000000000 g     F .text\t0000000000000005 "
t.prove(check, wrong=[
    ({"hw": sample(UND + "clock_gettime")}, "uses the host's clock_gettime"),
    ({"cpu": sample(UND + "pow")}, "uses the host's pow"),
    ({"accel": sample(UND + "__fprintf_chk")}, "uses the host's fprintf"),
    ({"core": sample(UND + "hw_x"), "hw": sample(FUN + "hw_x")},
     "x_a.c refers up to hw_x of hw/"),
    ({"hw": sample(UND + "rec"), "replay": sample(FUN + "rec")},
     "refers up to rec of replay/"),
    ({"core": sample(FUN + "twice"), "hw": sample(FUN + "twice")},
     "also defined"),
    ({"ui": sample("0000000000000000 l     O .bss\t0000000000000004 n.0")},
     "writable global n.0 (.bss)"),
    ({"ui": sample("0000000000000000 g     O .data\t0000000000000004 n")},
     "writable global n (.data)"),
    ({"ui": sample("0000000000000004       O *COM*\t0000000000000004 n")},
     "writable global n"),
], right=[
    {"core": sample(FUN + "core_x", UND + "g_malloc0"),
     "hw": sample(UND + "core_x")},
    {"hw": sample("0000000000000000 g     O .data.rel.ro.local"
                  "\t0000000000000004 table")},
    {"net": sample(UND + "clock_gettime")},
])

if __name__ == "__main__":
    t.finish(check(t.read_archives(sys.argv[1:])),
             "no host calls, upward calls or writable globals")
