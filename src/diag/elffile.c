/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/elffile.h"
#include "arch/unwindregs.h"
#include "os/linux/sys.h"
#include <fcntl.h>
#include <sys/mman.h>

/* By hand: memcmp and strcmp of libc may be an interceptor's, or not yet bound. */
static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

bool elf_header_ok(const Elf64_Ehdr *eh)
{
    return eh->e_ident[0] == ELFMAG0 && eh->e_ident[1] == ELFMAG1 && eh->e_ident[2] == ELFMAG2 &&
           eh->e_ident[3] == ELFMAG3 && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
           eh->e_ident[EI_DATA] == ELFDATA2LSB && eh->e_machine == ARCH_ELF_MACHINE &&
           eh->e_phentsize == sizeof(Elf64_Phdr);
}

static bool within(const struct elffile *f, uint64_t off, uint64_t n)
{
    return off <= f->size && n <= f->size - off;
}

bool elffile_memory(struct elffile *f, const void *data, size_t size)
{
    const Elf64_Ehdr *eh = data;

    *f = (struct elffile){.data = data, .size = size};
    if (size < sizeof *eh || !elf_header_ok(eh)) {
        *f = (struct elffile){0};
        return false;
    }
    if (eh->e_shoff % 8 == 0 && eh->e_shentsize == sizeof(Elf64_Shdr) &&
        eh->e_shstrndx < eh->e_shnum && within(f, eh->e_shoff, eh->e_shnum * sizeof(Elf64_Shdr))) {
        f->sections = (const Elf64_Shdr *)(f->data + eh->e_shoff);
        f->nsections = eh->e_shnum;
    }
    return true;
}

bool elffile_open(struct elffile *f, const char *path)
{
    long data = -1;
    int64_t size;
    int fd;

    *f = (struct elffile){0};
    fd = sys_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0)
        return false;
    size = sys_call(SYS_lseek, fd, 0, SEEK_END);
    if (size > (int64_t)sizeof(Elf64_Ehdr))
        data = sys_call(SYS_mmap, NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    sys_close(fd);
    if (data < 0 && data > -4096)
        return false;
    if (!elffile_memory(f, (const void *)data, (size_t)size)) {
        sys_call(SYS_munmap, data, size);
        return false;
    }
    f->mapped = true;
    return true;
}

void elffile_close(struct elffile *f)
{
    if (f->mapped)
        sys_call(SYS_munmap, f->data, f->size);
    *f = (struct elffile){0};
}

bool elffile_has(const struct elffile *f, const Elf64_Shdr *s)
{
    return s->sh_type != SHT_NOBITS && within(f, s->sh_offset, s->sh_size);
}

static const char *section_name(const struct elffile *f, const Elf64_Shdr *s)
{
    const Elf64_Shdr *names = &f->sections[((const Elf64_Ehdr *)f->data)->e_shstrndx];

    if (!elffile_has(f, names) || s->sh_name >= names->sh_size ||
        f->data[names->sh_offset + names->sh_size - 1] != '\0')
        return "";
    return (const char *)f->data + names->sh_offset + s->sh_name;
}

const Elf64_Shdr *elffile_section(const struct elffile *f, const char *name, uint32_t type)
{
    for (uint32_t i = 1; i < f->nsections; i++) {
        const Elf64_Shdr *s = &f->sections[i];

        if (!elffile_has(f, s))
            continue;
        if (name ? same_text(section_name(f, s), name) : s->sh_type == type)
            return s;
    }
    return NULL;
}

const void *elffile_contents(const struct elffile *f, const Elf64_Shdr *s)
{
    return f->data + s->sh_offset;
}

uint32_t elf_note_build_id(const void *notes, size_t size, const uint8_t **id)
{
    const uint8_t *p = notes, *end = p + size;

    while ((size_t)(end - p) > sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *n = (const Elf64_Nhdr *)p;
        const uint8_t *name = p + sizeof *n;
        uint64_t name_len = ((uint64_t)n->n_namesz + 3) & ~3u;
        uint64_t desc_len = ((uint64_t)n->n_descsz + 3) & ~3u;

        if (name_len + desc_len > (size_t)(end - name))
            break;
        if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && name[0] == 'G' && name[1] == 'N' &&
            name[2] == 'U') {
            *id = name + name_len;
            return n->n_descsz;
        }
        p = name + name_len + desc_len;
    }
    return 0;
}

uint32_t elffile_build_id(const struct elffile *f, const uint8_t **id)
{
    const Elf64_Shdr *s = elffile_section(f, ".note.gnu.build-id", 0);

    return s && s->sh_offset % 4 == 0 ? elf_note_build_id(elffile_contents(f, s), s->sh_size, id)
                                      : 0;
}
