/* SPDX-License-Identifier: BSD-3-Clause */
/* symbol: functions, files and lines; stripped, loaded late, damaged. */
#include "diag/symbol.h"
#include "arch/switch.h"
#include "diag/elffile.h"
#include "diag/elfsyms.h"
#include "diag/fileline.h"
#include "diag/traceback.h"
#include "harness/test.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* A local function with a line of its own. */
static noinline uintptr_t here(void)
{
    struct unwind_regs r;

    unwind_here(&r);
    return r.pc;
}
static const int here_line = __LINE__ - 3;

struct found {
    struct symbol s[8];
    int n;
};

static void collect(void *arg, const struct symbol *s)
{
    struct found *f = arg;

    if (f->n < 8)
        f->s[f->n++] = *s;
}

static struct found look(uintptr_t pc)
{
    struct found f = {.n = 0};

    symbol_each(pc, collect, &f);
    CHECK_GT(f.n, 0);
    return f;
}

TEST(static_function)
{
    struct symbol s;
    uintptr_t pc;

    modules_init();
    pc = here();
    symbol_of(pc - 1, &s);
    CHECK_STR(s.function, "here");
    CHECK(s.entry <= pc && pc - s.entry < 200);
    CHECK(!s.api && !s.internal);
    CHECK(s.module && s.module->main);
#ifdef HAVE_LIBBACKTRACE
    CHECK_CONTAINS(s.file, "symbol.c");
    CHECK_EQ(s.line, here_line);
#endif
}

static noinline uintptr_t caller_pc(void)
{
    return (uintptr_t)__builtin_return_address(0);
}

static always_inline uintptr_t inlined_call(int *line)
{
    *line = __LINE__ + 1;
    return caller_pc();
}

static noinline uintptr_t holder(int *line, int *at)
{
    uintptr_t pc;

    *at = __LINE__ + 1;
    pc = inlined_call(line);
    __asm__ volatile("" : "+r"(pc));
    return pc;
}

TEST(inlined_function)
{
    struct found f;
    int line, at;

    modules_init();
    f = look(holder(&line, &at) - 1);
#ifdef HAVE_LIBBACKTRACE
    CHECK_EQ(f.n, 2);
    CHECK_STR(f.s[0].function, "inlined_call");
    CHECK_EQ(f.s[0].line, line);
    CHECK_EQ(f.s[0].entry, 0);
    CHECK_EQ(f.s[1].line, at);
#endif
    CHECK_STR(f.s[f.n - 1].function, "holder");
    CHECK_EQ(f.s[f.n - 1].entry, (uintptr_t)holder);
}

TEST(library_function)
{
    struct symbol s;
    int (*volatile f)(const char *) = puts; /* where it is, not its PLT stub */

    modules_init();
    symbol_of((uintptr_t)f + 1, &s);
    CHECK_CONTAINS(s.function, "puts");
    CHECK_EQ(s.entry, (uintptr_t)f);
}

TEST(vdso_function)
{
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    struct module *m;
    struct symbol s;

    if (!vdso)
        test_skip("no vdso here");
    modules_init();
    m = module_of_data(vdso);
    for (uintptr_t pc = m->lo; pc < m->hi; pc += 16) {
        symbol_of(pc, &s);
        if (s.function && strstr(s.function, "clock_gettime"))
            return;
    }
    test_fail(__FILE__, __LINE__, "the vdso has no clock_gettime");
}

TEST(loaded_late)
{
    struct symbol s;
    uintptr_t f;
    void *lib;

    modules_init();
    lib = dlopen("libresolv.so.2", RTLD_NOW);
    if (!lib)
        test_skip(dlerror());
    f = (uintptr_t)dlsym(lib, "ns_initparse");
    symbol_of(f, &s);
    CHECK(s.function == NULL && s.module == NULL);
    modules_refresh();
    symbol_of(f, &s);
    CHECK_STR(s.function, "ns_initparse");
    CHECK_CONTAINS(s.module->path, "libresolv");
}

TEST(nowhere)
{
    struct symbol s;

    modules_init();
    symbol_of(0, &s);
    CHECK(!s.function && !s.file && !s.module && !s.entry);
    symbol_of((uintptr_t)&s, &s);
    CHECK(!s.function);
    symbol_of(UINTPTR_MAX, &s);
    CHECK(!s.function);
}

TEST(less_and_less)
{
    uintptr_t pc;
    struct symbol s;

    modules_init();
    pc = here() - 1;
    CHECK_EQ(symbol_degrade(), SYMBOL_NAMES);
    symbol_of(pc, &s);
    CHECK_STR(s.function, "here");
    CHECK(!s.file);
    CHECK_EQ(symbol_degrade(), SYMBOL_NONE);
    symbol_of(pc, &s);
    CHECK(!s.function && s.module);
    CHECK_EQ(symbol_degrade(), SYMBOL_NONE);
}

/* Every function that the table names is found at its start, within, and at its end. */
TEST_WITHIN(whole_table, 60)
{
    const Elf64_Shdr *table, *strings;
    const Elf64_Sym *sym;
    struct elffile f;
    struct elfsym got;
    struct module *m;
    size_t n, checked = 0;

    modules_init();
    m = module_find((uintptr_t)here);
    CHECK(elffile_open(&f, "/proc/self/exe"));
    table = elffile_section(&f, NULL, SHT_SYMTAB);
    CHECK(table != NULL);
    sym = elffile_contents(&f, table);
    strings = &f.sections[table->sh_link];
    n = table->sh_size / sizeof *sym;
    for (size_t i = 0; i < n; i++) {
        uintptr_t at = m->bias + sym[i].st_value, last = at + sym[i].st_size - 1;

        if (ELF64_ST_TYPE(sym[i].st_info) != STT_FUNC || sym[i].st_size == 0 ||
            sym[i].st_shndx == SHN_UNDEF)
            continue;
        CHECK_LT(sym[i].st_name, strings->sh_size);
        CHECK(elfsyms_find(m, at, &got));
        CHECK_EQ(got.lo, at);
        CHECK(elfsyms_find(m, last, &got));
        CHECK_EQ(got.lo, at);
        checked++;
    }
    CHECK_GT(checked, 100);
}

/* A damaged copy of this program's own file: whatever the bytes, reading it never faults. */
TEST_WITHIN(damaged_files, 60)
{
    char path[] = "/tmp/gamp-elf-XXXXXX";
    int fd = mkstemp(path), opened = 0;
    uint64_t seed = test_seed();
    struct elffile f, whole;
    uint8_t *copy;

    CHECK(fd >= 0);
    CHECK(elffile_open(&whole, "/proc/self/exe"));
    CHECK_EQ(ftruncate(fd, (off_t)whole.size), 0);
    copy = mmap(NULL, whole.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(copy != MAP_FAILED);
    memcpy(copy, whole.data, whole.size);
    for (int round = 0; round < 300; round++) {
        struct module m = {.bias = 0, .lo = 0, .hi = 1 << 20, .path = path};
        struct elfsym s;
        size_t at[8];

        for (int i = 0; i < 8; i++) {
            const Elf64_Ehdr *eh = (const Elf64_Ehdr *)whole.data;
            size_t headers = whole.size - eh->e_shoff;

            at[i] = test_rand(&seed) % 2 ? sizeof *eh / 4 + test_rand(&seed) % 48
                                         : eh->e_shoff + test_rand(&seed) % headers;
            copy[at[i]] = (uint8_t)test_rand(&seed);
        }
        opened += elffile_open(&f, path);
        elffile_close(&f);
        for (uintptr_t pc = 0; pc < 1 << 20; pc += 4093)
            if (elfsyms_find(&m, pc, &s))
                CHECK(strlen(s.name) > 0);
        for (int i = 0; i < 8; i++)
            copy[at[i]] = whole.data[at[i]];
    }
    CHECK_GT(opened, 10);
    unlink(path);
    CHECK(!elffile_open(&f, path));
    CHECK(!elffile_open(&f, "/"));
    CHECK(!elffile_open(&f, "/dev/null"));
    CHECK(!elffile_open(&f, "/etc/passwd"));
}

#ifdef HAVE_LIBBACKTRACE
static bool take_line(void *arg, const char *file, int line, const char *function)
{
    ++*(int *)arg;
    CHECK(line > 0 && strlen(file) < 100000 && (!function || strlen(function) < 100000));
    return true;
}

/* The same with what libbacktrace reads. */
TEST_WITHIN(damaged_lines, 60)
{
    char path[] = "/tmp/gamp-dwarf-XXXXXX";
    int fd = mkstemp(path), lines = 0;
    uint64_t seed = test_seed();
    const Elf64_Shdr *text;
    struct elffile whole;
    uint8_t *copy;

    CHECK(fd >= 0);
    CHECK(elffile_open(&whole, "/proc/self/exe"));
    text = elffile_section(&whole, ".text", 0);
    CHECK(text && text->sh_size > 200);
    CHECK_EQ(ftruncate(fd, (off_t)whole.size), 0);
    copy = mmap(NULL, whole.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(copy != MAP_FAILED);
    memcpy(copy, whole.data, whole.size);
    for (int round = 0; round < 100; round++) {
        struct module m = {.bias = 0, .lo = 0, .hi = 1 << 20, .path = path};
        static const char *const names[] = {".debug_info", ".debug_abbrev",   ".debug_line",
                                            ".debug_str",  ".debug_rnglists", ".debug_line_str"};
        size_t at[16];

        for (int i = 0; i < 16; i++) {
            const Elf64_Shdr *s = elffile_section(&whole, names[test_rand(&seed) % 6], 0);

            at[i] = s ? s->sh_offset + test_rand(&seed) % MIN(s->sh_size, 2000u) : 0;
            if (s)
                copy[at[i]] = (uint8_t)test_rand(&seed);
        }
        for (uintptr_t pc = 0; pc < text->sh_size; pc += text->sh_size / 200)
            (void)fileline_each(&m, text->sh_addr + pc, take_line, &lines);
        for (int i = 0; i < 16; i++)
            copy[at[i]] = whole.data[at[i]];
    }
    CHECK_GT(lines, 100);
    unlink(path);
}
#endif

/* Two threads that come first at once. */
static pthread_barrier_t barrier;

static void *first_look(void *arg)
{
    struct symbol s;

    pthread_barrier_wait(&barrier);
    symbol_of(*(uintptr_t *)arg, &s);
    CHECK_STR(s.function, "here");
    return NULL;
}

TEST(first_at_once)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    test_skip("the library's own synchronisation is not shown to ThreadSanitizer");
#endif
#endif
    pthread_t t[4];
    uintptr_t pc;

    modules_init();
    pc = here() - 1;
    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, first_look, &pc);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

/* What a report needs of stack, its first time: an alternate stack must do. */

enum { ROOM = 256 << 10, PAINT = 0x5a };

static void report(void *arg)
{
    struct unwind_regs r;
    struct printer p;

    printer_init(&p, *(int *)arg);
    unwind_here(&r);
    traceback_frames(&p, &r, true);
    printer_flush(&p);
}

TEST(stack_use)
{
    char *stack = malloc(ROOM);
    int fd = open("/dev/null", O_WRONLY);
    size_t untouched = 0;

    modules_init();
    memset(stack, PAINT, ROOM);
    arch_call_on((uintptr_t)stack + ROOM, report, &fd);
    while (untouched < ROOM && stack[untouched] == PAINT)
        untouched++;
    printf("stack used: %zu bytes\n", ROOM - untouched);
    CHECK_LT(ROOM - untouched, 32 << 10);
    free(stack);
}

/* errno, also libbacktrace's, is left alone. */
TEST(errno_untouched)
{
    modules_init();
    errno = 12345;
    (void)look(here());
    modules_refresh();
    CHECK_EQ(errno, 12345);
}

/* The printer, into memory and to a descriptor that takes little at a time. */
TEST(printer)
{
    struct printer p;
    char line[64], *all;
    int fds[2];
    ssize_t n, have = 0;

    printer_init(&p, -1);
    for (int i = 0; i < 20000; i++)
        printer_put(&p, "line %d\n", i);
    CHECK_EQ(p.err, 0);
    CHECK_EQ(pipe(fds), 0);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    if (fork() == 0) {
        int err = printer_end(&p, fds[1]);

        _exit(err ? 1 : 0);
    }
    close(fds[1]);
    all = malloc(1 << 20);
    while ((n = read(fds[0], all + have, (1 << 20) - (size_t)have)) > 0)
        have += n;
    all[have] = '\0';
    for (int i = 0, at = 0; i < 20000; i++) {
        int len = snprintf(line, sizeof line, "line %d\n", i);

        CHECK(strncmp(all + at, line, (size_t)len) == 0);
        at += len;
    }
    free(all);
    CHECK_EQ(printer_end(&p, -1), -EBADF);
    printer_init(&p, fds[0]);
    for (int i = 0; i < 1000; i++)
        printer_put(&p, "not writable\n");
    CHECK_EQ(printer_flush(&p), -EBADF);
}
