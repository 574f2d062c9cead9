/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "diag/modules.h"
#include "base/atomic.h"
#include "base/race.h"
#include "diag/elffile.h"
#include "diag/peek.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>

#define PHDRS_MAX 64u
#define LINE_MAX_ 4608u /* the fixed columns and a path of PATH_MAX */

static struct module table[MODULES_MAX];
static uint32_t count; /* atomic */

/* What follows belongs to whoever holds `busy` (cas_acquire; store_release gives it back). */
static uint32_t busy;
static bool initialised;
static uintptr_t main_phdr, vdso_start;
static Elf64_Phdr phdrs[PHDRS_MAX];
static char line[LINE_MAX_];
static char *names, *names_end; /* the rest of the block that paths are put into */
static uint8_t seen[MODULES_MAX];

static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static const char *keep_text(const char *s)
{
    size_t n = 0;
    char *at;

    while (s[n])
        n++;
    if ((size_t)(names_end - names) <= n) {
        const size_t block = 64u << 10;
        char *p = vm_map(block);

        if (!p)
            return "";
        names = p;
        names_end = p + block;
    }
    at = names;
    for (size_t i = 0; i <= n; i++)
        at[i] = s[i];
    names += n + 1;
    return at;
}

static void read_build_id(struct module *m, uintptr_t addr, size_t n)
{
    _Alignas(8) uint8_t notes[512];
    const uint8_t *id;
    uint32_t len;

    n = MIN(n, sizeof notes);
    if (m->id_len > 0 || !peek_bytes(addr, notes, n))
        return;
    len = elf_note_build_id(notes, n, &id);
    if (len > MODULE_ID_MAX)
        return;
    m->id_len = len;
    for (uint32_t i = 0; i < len; i++)
        m->id[i] = id[i];
}

static void add_segment(struct module *m, const Elf64_Phdr *ph)
{
    uintptr_t lo = m->bias + ph->p_vaddr;
    uintptr_t hi = lo + ph->p_memsz;

    m->lo = MIN(m->lo, lo & ~(uintptr_t)4095);
    m->hi = MAX(m->hi, (hi + 4095) & ~(uintptr_t)4095);
    if (m->nsegments < MODULE_SEGMENTS)
        m->segments[m->nsegments++] =
            (struct segment){lo, hi, ph->p_offset, (ph->p_flags & PF_X) != 0};
}

static void read_phdrs(struct module *m, const Elf64_Phdr *ph, uint32_t n)
{
    m->lo = UINTPTR_MAX;
    for (uint32_t i = 0; i < n; i++) {
        uintptr_t at = m->bias + ph[i].p_vaddr;

        if (ph[i].p_type == PT_LOAD) {
            add_segment(m, &ph[i]);
        } else if (ph[i].p_type == PT_GNU_EH_FRAME) {
            m->eh_frame_hdr = at;
            m->eh_frame_hdr_size = ph[i].p_memsz;
        } else if (ph[i].p_type == PT_NOTE) {
            read_build_id(m, at, ph[i].p_memsz);
        }
    }
}

/* gcc -static links no .eh_frame_hdr; the section table of the file then tells where .eh_frame is.
 * */
static void find_eh_frame(struct module *m)
{
    struct elffile f;
    const Elf64_Shdr *s;

    if (m->eh_frame_hdr || !module_file(m) || !elffile_open(&f, module_file(m)))
        return;
    s = elffile_section(&f, ".eh_frame", 0);
    if (s && module_has(m, m->bias + s->sh_addr, s->sh_size)) {
        m->eh_frame = m->bias + s->sh_addr;
        m->eh_frame_size = s->sh_size;
    }
    elffile_close(&f);
}

static bool same_module(const struct module *a, const struct module *b, const char *path)
{
    if (a->bias != b->bias || a->lo != b->lo || a->hi != b->hi || a->id_len != b->id_len)
        return false;
    for (uint32_t i = 0; i < a->id_len; i++)
        if (a->id[i] != b->id[i])
            return false;
    return same_text(a->path, path);
}

/* Notes that an object with these program headers is mapped at bias. */
static void found(uintptr_t bias, const Elf64_Phdr *ph, uint32_t n, const char *path, bool vdso)
{
    uint32_t k = load_relaxed(&count); /* only the holder of busy writes it */
    struct module m = {.bias = bias, .vdso = vdso};

    read_phdrs(&m, ph, n);
    if (m.nsegments == 0)
        return;
    m.main = main_phdr >= m.lo && main_phdr < m.hi;
    for (uint32_t i = 0; i < k; i++) {
        if (same_module(&table[i], &m, path)) {
            seen[i] = 1;
            store_release(&table[i].gone, 0);
            return;
        }
    }
    if (k == MODULES_MAX)
        return;
    m.path = keep_text(path);
    find_eh_frame(&m);
    seen[k] = 1;
    table[k] = m;
    store_release(&count, k + 1);
}

/* An ELF header in memory at start; its program headers go to phdrs. The number of them, 0: it is
 * none. */
static uint32_t read_header(uintptr_t start, uintptr_t *bias)
{
    Elf64_Ehdr eh;

    if (!peek_bytes(start, &eh, sizeof eh) || !elf_header_ok(&eh) || eh.e_phnum > PHDRS_MAX ||
        !peek_bytes(start + eh.e_phoff, phdrs, eh.e_phnum * sizeof *phdrs))
        return 0;
    for (uint32_t i = 0; i < eh.e_phnum; i++) {
        if (phdrs[i].p_type == PT_LOAD && phdrs[i].p_offset < 4096) {
            *bias = start - (phdrs[i].p_vaddr - phdrs[i].p_offset);
            return eh.e_phnum;
        }
    }
    return 0;
}

static void found_header(uintptr_t start, const char *path, bool vdso)
{
    uintptr_t bias = 0;
    uint32_t n = read_header(start, &bias);

    if (n > 0)
        found(bias, phdrs, n, path, vdso);
}

/* One line of /proc/self/maps: lo-hi perms offset dev inode path. */
struct mapping {
    uintptr_t lo, hi, offset, dev, inode;
    bool exec;
    char *path;
};

static char *number(char *s, unsigned base, uintptr_t *v)
{
    *v = 0;
    for (;; s++) {
        unsigned d = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                     : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a') + 10
                                              : 99;

        if (d >= base)
            return s;
        *v = *v * base + d;
    }
}

static bool parse(char *s, struct mapping *map)
{
    uintptr_t minor;

    s = number(s, 16, &map->lo);
    if (*s++ != '-')
        return false;
    s = number(s, 16, &map->hi);
    for (int i = 0; i < 6; i++)
        if (s[i] == '\0')
            return false;
    map->exec = s[3] == 'x';
    s = number(s + 6, 16, &map->offset);
    if (*s++ != ' ')
        return false;
    s = number(s, 16, &map->dev);
    if (*s++ != ':')
        return false;
    s = number(s, 16, &minor);
    map->dev = map->dev << 32 | minor;
    if (*s++ != ' ')
        return false;
    s = number(s, 10, &map->inode);
    while (*s == ' ')
        s++;
    map->path = s;
    return true;
}

static void cut_deleted(char *path)
{
    static const char mark[] = " (deleted)";
    size_t n = 0;

    while (path[n])
        n++;
    if (n >= sizeof mark && same_text(path + n - (sizeof mark - 1), mark))
        path[n - (sizeof mark - 1)] = '\0';
}

/* The lowest mapping of the file that the last lines were of, while it may still prove to be a
 * loaded object: one of which some mapping is executable, unlike a file mapped as data. */
struct pending {
    uintptr_t start, dev, inode;
};

static void take_mapping(struct pending *p, struct mapping *map)
{
    if (vdso_start && map->lo == vdso_start) {
        found_header(map->lo, "linux-vdso.so.1", true);
        return;
    }
    if (map->path[0] != '/')
        return;
    if (map->offset == 0)
        *p = (struct pending){map->lo, map->dev, map->inode};
    if (p->start == 0 || map->dev != p->dev || map->inode != p->inode)
        return;
    /* Programs that move their text to huge pages have it in no file mapping. */
    if (map->exec || (main_phdr >= map->lo && main_phdr < map->hi)) {
        cut_deleted(map->path);
        found_header(p->start, map->path, false);
        p->start = 0;
    }
}

/* Calls take_mapping for each line. false: the file cannot be read to its end. */
static bool read_maps(void)
{
    int fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    struct pending p = {0, 0, 0};
    size_t have = 0;
    ssize_t r = -1;

    if (fd < 0)
        return false;
    while (have < LINE_MAX_ - 1 && (r = sys_read(fd, line + have, LINE_MAX_ - 1 - have)) > 0) {
        size_t start = 0;

        have += (size_t)r;
        for (size_t i = 0; i < have; i++) {
            struct mapping map;

            if (line[i] != '\n')
                continue;
            line[i] = '\0';
            if (parse(line + start, &map))
                take_mapping(&p, &map);
            start = i + 1;
        }
        for (size_t i = start; i < have; i++)
            line[i - start] = line[i];
        have -= start;
    }
    sys_close(fd);
    return r == 0;
}

static int from_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
    bool vdso = vdso_start && info->dlpi_phdr == (const void *)(vdso_start + sizeof(Elf64_Ehdr));

    (void)size;
    (void)arg;
    found(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, vdso);
    return 0;
}

/* The sanitizer sees the memset and the like in between, but not this. */
static bool enter(void)
{
    bool entered = cas_acquire(&busy, 0u, 1u);

    if (entered)
        race_acquire(&busy);
    return entered;
}

static void leave(void)
{
    race_release(&busy);
    store_release(&busy, 0u);
}

void modules_init(void)
{
    if (!enter())
        return;
    if (!initialised) {
        main_phdr = getauxval(AT_PHDR);
        vdso_start = getauxval(AT_SYSINFO_EHDR);
        /* The kernel's view first, so that refreshing finds the same names; without /proc the
         * loader's. */
        if (!read_maps() && load_relaxed(&count) == 0)
            dl_iterate_phdr(from_loader, NULL);
        initialised = true;
    }
    leave();
}

void modules_refresh(void)
{
    if (!enter())
        return;
    if (initialised) {
        for (uint32_t i = 0; i < MODULES_MAX; i++)
            seen[i] = 0;
        if (read_maps())
            for (uint32_t i = 0; i < load_relaxed(&count); i++)
                if (!seen[i])
                    store_release(&table[i].gone, 1u);
    }
    leave();
}

uint32_t modules_count(void)
{
    return load_acquire(&count);
}

struct module *module_at(uint32_t i)
{
    return i < modules_count() ? &table[i] : NULL;
}

static struct module *find(uintptr_t addr, bool exec)
{
    uint32_t n = modules_count();

    for (uint32_t i = 0; i < n; i++) {
        struct module *m = &table[i];

        if (addr < m->lo || addr >= m->hi || load_acquire(&m->gone))
            continue;
        for (uint32_t k = 0; k < m->nsegments; k++)
            if (addr >= m->segments[k].lo && addr < m->segments[k].hi &&
                (!exec || m->segments[k].exec))
                return m;
    }
    return NULL;
}

struct module *module_find(uintptr_t pc)
{
    return find(pc, true);
}

struct module *module_of_data(uintptr_t addr)
{
    return find(addr, false);
}

bool module_has(const struct module *m, uintptr_t addr, size_t n)
{
    for (uint32_t i = 0; i < m->nsegments; i++)
        if (addr >= m->segments[i].lo && addr <= m->segments[i].hi && n <= m->segments[i].hi - addr)
            return true;
    return false;
}

const char *module_file(const struct module *m)
{
    if (m->main)
        return "/proc/self/exe";
    return m->vdso || m->path[0] != '/' ? NULL : m->path;
}
