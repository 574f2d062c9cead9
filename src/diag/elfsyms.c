/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/elfsyms.h"
#include "base/atomic.h"
#include "diag/elffile.h"
#include "os/linux/vm.h"
#include <string.h>

struct elfsyms {
    struct elffile file;
    const Elf64_Sym *sym;
    const char *names;
    size_t names_size;
    uint32_t *order; /* indices of sym by address */
    uint32_t n;
    size_t order_size;
};

/* How far to look back for a symbol that covers an address: past labels inside of a function. */
enum { LOOK_BACK = 64 };

static struct elfsyms nothing;

bool module_is_file(const struct module *m, const struct elffile *f)
{
    const uint8_t *id;
    uint32_t n = elffile_build_id(f, &id);

    if (n != m->id_len)
        return n == 0 || m->id_len == 0;
    for (uint32_t i = 0; i < n; i++)
        if (id[i] != m->id[i])
            return false;
    return true;
}

static const char *name_of(const struct elfsyms *s, const Elf64_Sym *sym)
{
    return sym->st_name < s->names_size ? s->names + sym->st_name : "";
}

static bool is_code(const struct elfsyms *s, const Elf64_Sym *sym)
{
    unsigned type = ELF64_ST_TYPE(sym->st_info);
    const char *name = name_of(s, sym);

    if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE || !*name || *name == '$')
        return false;
    /* Labels of assembly have no type; compilers' own begin with .L and seldom come so far. */
    return type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && *name != '.');
}

static void sift(const struct elfsyms *s, uint32_t at, uint32_t n)
{
    for (;;) {
        uint32_t child = 2 * at + 1, v = s->order[at];

        if (child >= n)
            return;
        if (child + 1 < n &&
            s->sym[s->order[child + 1]].st_value > s->sym[s->order[child]].st_value)
            child++;
        if (s->sym[v].st_value >= s->sym[s->order[child]].st_value)
            return;
        s->order[at] = s->order[child];
        s->order[child] = v;
        at = child;
    }
}

/* By heap: in place, without recursion. */
static void sort(struct elfsyms *s)
{
    for (uint32_t i = s->n / 2; i-- > 0;)
        sift(s, i, s->n);
    for (uint32_t n = s->n; n-- > 1;) {
        uint32_t top = s->order[0];

        s->order[0] = s->order[n];
        s->order[n] = top;
        sift(s, 0, n);
    }
}

static bool index_symbols(struct elfsyms *s)
{
    const Elf64_Shdr *table = elffile_section(&s->file, NULL, SHT_SYMTAB), *strings;
    uint64_t total;

    if (!table)
        table = elffile_section(&s->file, NULL, SHT_DYNSYM);
    if (!table || table->sh_offset % 8 != 0 || table->sh_link >= s->file.nsections)
        return false;
    strings = &s->file.sections[table->sh_link];
    if (!elffile_has(&s->file, strings) || strings->sh_size == 0)
        return false;
    s->sym = elffile_contents(&s->file, table);
    s->names = elffile_contents(&s->file, strings);
    s->names_size = strings->sh_size;
    if (s->names[s->names_size - 1] != '\0')
        return false;
    total = table->sh_size / sizeof *s->sym;
    s->order_size = (total * sizeof *s->order + PAGE - 1) & ~(size_t)(PAGE - 1);
    if (total == 0 || total > UINT32_MAX / 2 || !(s->order = vm_map(s->order_size)))
        return false;
    for (uint32_t i = 0; i < total; i++)
        if (is_code(s, &s->sym[i]))
            s->order[s->n++] = i;
    sort(s);
    return true;
}

static bool open_module(struct module *m, struct elffile *f)
{
    if (m->vdso)
        return elffile_memory(f, (const void *)m->lo, m->hi - m->lo);
    return module_file(m) && elffile_open(f, module_file(m));
}

/* Its own memory: the record lies in the index's mapping, or is `nothing`. */
static struct elfsyms *load(struct module *m)
{
    struct elfsyms s = {.n = 0}, *kept;

    if (open_module(m, &s.file) && module_is_file(m, &s.file) && index_symbols(&s) &&
        (kept = vm_map(sizeof s)) != NULL) {
        *kept = s;
        return kept;
    }
    if (s.order)
        vm_unmap(s.order, s.order_size);
    elffile_close(&s.file);
    return &nothing;
}

static void unload(struct elfsyms *s)
{
    if (s == &nothing)
        return;
    vm_unmap(s->order, s->order_size);
    elffile_close(&s->file);
    vm_unmap(s, sizeof *s);
}

static struct elfsyms *syms_of(struct module *m)
{
    struct elfsyms *s = load_acquire(&m->syms);

    if (s)
        return s;
    s = load(m);
    if (cas_acqrel(&m->syms, NULL, s))
        return s;
    unload(s);
    return load_acquire(&m->syms);
}

/* Of several names for a place: the most public, of those the one with the fewest underscores in
 * front, of those the shortest. */
static bool is_better(const struct elfsyms *s, const Elf64_Sym *a, const Elf64_Sym *b)
{
    static const uint8_t order[16] = {[STB_LOCAL] = 0, [STB_WEAK] = 1, [STB_GLOBAL] = 2};
    const Elf64_Sym *sym[2] = {a, b};
    unsigned bind[2], underscores[2], len[2];

    for (int i = 0; i < 2; i++) {
        const char *name = name_of(s, sym[i]);

        bind[i] = order[ELF64_ST_BIND(sym[i]->st_info)];
        underscores[i] = (unsigned)strspn(name, "_");
        len[i] = (unsigned)strlen(name);
    }
    if (bind[0] != bind[1])
        return bind[0] > bind[1];
    if (underscores[0] != underscores[1])
        return underscores[0] < underscores[1];
    return len[0] < len[1];
}

static bool same_section(const struct elfsyms *s, const Elf64_Sym *sym, uintptr_t addr)
{
    const Elf64_Shdr *in;

    if (sym->st_shndx >= s->file.nsections)
        return false;
    in = &s->file.sections[sym->st_shndx];
    return addr >= in->sh_addr && addr - in->sh_addr < in->sh_size;
}

/* addr as the file has it. Of several names the most public; a symbol without a size reaches to
 * the next symbol. */
static const Elf64_Sym *find(const struct elfsyms *s, uintptr_t addr)
{
    const Elf64_Sym *best = NULL, *sizeless = NULL;
    uint32_t lo = 0, hi = s->n;
    bool nearest = true;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (s->sym[s->order[mid]].st_value <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (uint32_t i = lo; i-- > 0 && lo - i <= LOOK_BACK;) {
        const Elf64_Sym *sym = &s->sym[s->order[i]];

        if (best && sym->st_value != best->st_value)
            break;
        if (sym->st_size > 0 && addr - sym->st_value >= sym->st_size) {
            nearest = false;
        } else if (sym->st_size > 0) {
            if (!best || is_better(s, sym, best))
                best = sym;
        } else if (nearest && same_section(s, sym, addr)) {
            if (!sizeless || (sizeless->st_value == sym->st_value && is_better(s, sym, sizeless)))
                sizeless = sym;
        }
    }
    return best ? best : sizeless;
}

bool elfsyms_find(struct module *m, uintptr_t pc, struct elfsym *out)
{
    struct elfsyms *s = syms_of(m);
    const Elf64_Sym *sym;

    if (s->n == 0 || !(sym = find(s, pc - m->bias)))
        return false;
    out->name = name_of(s, sym);
    out->lo = sym->st_value + m->bias;
    out->global = ELF64_ST_BIND(sym->st_info) != STB_LOCAL &&
                  ELF64_ST_VISIBILITY(sym->st_other) != STV_HIDDEN;
    return true;
}
