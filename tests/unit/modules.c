/* SPDX-License-Identifier: BSD-3-Clause */
/* modules: the list agrees with the loader's own, and follows dlopen and dlclose when refreshed. */
#include "diag/modules.h"
#include "diag/elffile.h"
#include "harness/test.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static int agree(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + ph->p_vaddr;

        if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X)) {
            struct module *m = module_find(at);

            CHECK_MSG(m != NULL, "%s is missing", info->dlpi_name);
            CHECK_EQ(m->bias, info->dlpi_addr);
            CHECK(module_find(at + ph->p_memsz - 1) == m);
            CHECK(module_has(m, at, ph->p_memsz));
            CHECK(!module_has(m, at, m->hi - at + 1));
            ++*(int *)arg;
        }
        if (ph->p_type == PT_GNU_EH_FRAME)
            CHECK_EQ(module_of_data(at)->eh_frame_hdr, at);
    }
    return 0;
}

TEST(agrees_with_the_loader)
{
    uint32_t n;
    int found = 0;

    modules_init();
    n = modules_count();
    dl_iterate_phdr(agree, &found);
    CHECK_GE(found, 1);
    modules_init();
    modules_refresh();
    CHECK_EQ(modules_count(), n);
    CHECK(module_find(0) == NULL);
    CHECK(module_find((uintptr_t)&n) == NULL);
    CHECK(module_at(n) == NULL);
}

TEST(knows_the_executable)
{
    static int data;
    struct module *m;
    struct elffile f;
    const uint8_t *id;

    modules_init();
    m = module_find((uintptr_t)agree);
    CHECK(m && m->main && !m->vdso);
    CHECK(module_of_data((uintptr_t)&data) == m);
    CHECK(module_find((uintptr_t)&data) == NULL);
    CHECK_STR(module_file(m), "/proc/self/exe");
    CHECK_EQ(m->path[0], '/');
    CHECK(elffile_open(&f, module_file(m)));
    CHECK_EQ(m->id_len, elffile_build_id(&f, &id));
    CHECK(m->id_len > 0 && memcmp(id, m->id, m->id_len) == 0);
    elffile_close(&f);
}

TEST(knows_the_vdso)
{
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    struct module *m;

    if (!vdso)
        test_skip("no vdso here");
    modules_init();
    m = module_of_data(vdso);
    CHECK(m && m->vdso);
    CHECK(module_file(m) == NULL);
    CHECK(m->eh_frame_hdr != 0);
}

TEST(follows_dlopen)
{
    struct module *m;
    uintptr_t sym;
    void *lib;
    uint32_t n;

    modules_init();
    lib = dlopen("libresolv.so.2", RTLD_NOW);
    if (!lib)
        test_skip(dlerror());
    sym = (uintptr_t)dlsym(lib, "ns_initparse");
    CHECK(sym != 0);
    CHECK(module_find(sym) == NULL);
    modules_refresh();
    m = module_find(sym);
    CHECK(m != NULL && !m->main);
    CHECK_CONTAINS(m->path, "libresolv");
    n = modules_count();

    dlclose(lib);
    modules_refresh();
    CHECK(module_find(sym) == NULL);
    lib = dlopen("libresolv.so.2", RTLD_NOW);
    CHECK(lib != NULL);
    modules_refresh();
    if ((uintptr_t)dlsym(lib, "ns_initparse") ==
        sym) { /* at the same place it is the same record */
        CHECK(module_find(sym) == m);
        CHECK_EQ(modules_count(), n);
    }
}

/* A file mapped as data is no module, wherever it lies. */
TEST(data_is_no_module)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    off_t size = lseek(fd, 0, SEEK_END);
    void *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    uint32_t n;

    modules_init();
    n = modules_count();
    CHECK(map != MAP_FAILED);
    modules_refresh();
    CHECK_EQ(modules_count(), n);
    CHECK(module_of_data((uintptr_t)map) == NULL);
}

/* Readers go on while the list grows and libraries come and go. */
static _Atomic bool stop;

static void *reader(void *arg)
{
    (void)arg;
    while (!stop) {
        CHECK(module_find((uintptr_t)agree) != NULL);
        CHECK(module_find((uintptr_t)&stop) == NULL);
    }
    return NULL;
}

TEST(readers_need_no_lock)
{
    pthread_t t;

    modules_init();
    pthread_create(&t, NULL, reader, NULL);
    for (int i = 0; i < 200; i++) {
        void *lib = dlopen("libresolv.so.2", RTLD_NOW);

        modules_refresh();
        if (lib)
            dlclose(lib);
        modules_refresh();
    }
    stop = true;
    pthread_join(t, NULL);
}
