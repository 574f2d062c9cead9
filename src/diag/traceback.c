/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/traceback.h"
#include "base/fmt.h"
#include "diag/symbol.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include <errno.h>
#include <poll.h>
#include <string.h>

/* No walk goes further; a stack of 8 MiB has no more frames than 512 Ki of sixteen bytes. */
enum { STEPS_MAX = 1 << 20 };

void printer_init(struct printer *p, int fd)
{
    p->fd = fd;
    p->err = 0;
    p->n = 0;
    p->buf = p->own;
    p->size = sizeof p->own;
}

static void wait_writable(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};

    sys_call(SYS_ppoll, &pfd, 1, NULL, NULL, 8);
}

int printer_flush(struct printer *p)
{
    size_t done = 0;

    while (done < p->n && !p->err) {
        ssize_t r = sys_write(p->fd, p->buf + done, p->n - done);

        if (r == -EAGAIN) /* somebody made it non-blocking */
            wait_writable(p->fd);
        else if (r < 0 && r != -EINTR)
            p->err = (int)r;
        else if (r > 0)
            done += (size_t)r;
    }
    p->n = 0;
    return p->err;
}

/* Memory twice as large. */
static void grow(struct printer *p)
{
    bool own = p->buf == p->own;
    size_t size = own ? 64u << 10 : p->size * 2;
    char *buf = own ? vm_map(size) : vm_remap(p->buf, p->size, size);

    if (!buf) {
        p->err = -ENOMEM;
        return;
    }
    if (own)
        memcpy(buf, p->own, p->n);
    p->buf = buf;
    p->size = size;
}

/* One call's text is cut at the size of `own`. */
void printer_put(struct printer *p, const char *format, ...)
{
    va_list ap;
    size_t len;

    if (p->err)
        return;
    for (int again = 0;; again++) {
        va_start(ap, format);
        len = fmt_vbuf(p->buf + p->n, p->size - p->n, format, ap);
        va_end(ap);
        if (p->n + len + 1 < p->size || again)
            break;
        if (p->fd >= 0)
            printer_flush(p);
        else
            grow(p);
        if (p->err)
            return;
    }
    p->n += len;
}

int printer_end(struct printer *p, int fd)
{
    int err = p->err;

    p->fd = fd;
    p->err = 0;
    printer_flush(p);
    if (p->buf != p->own)
        vm_unmap(p->buf, p->size);
    return p->err ? p->err : err;
}

struct frame {
    struct printer *p;
    uintptr_t pc;    /* as it is on the stack */
    uintptr_t entry; /* of the function that is there, inlined ones or not */
    bool system;
    int printed;
};

static const char *path_of(const struct module *m)
{
    return m->path[0] ? m->path : "(executable)";
}

/* What GAMP_MAIN makes of the program's main. */
static const char *name_of(const struct symbol *s)
{
    if (!s->function)
        return "?";
    return strcmp(s->function, "gamp_main_function_") == 0 ? "main" : s->function;
}

/* The second line. Without the start of a function the offset is that in the module. */
static void print_place(struct printer *p, const struct symbol *s, uintptr_t pc, uintptr_t entry)
{
    if (!s->module) {
        printer_put(p, "\tpc=0x%lx\n", (unsigned long)pc);
        return;
    }
    if (s->file)
        printer_put(p, "\t%s:%d", s->file, s->line);
    else
        printer_put(p, "\t%s", path_of(s->module));
    printer_put(p, " +0x%lx\n", (unsigned long)(pc - (entry ? entry : s->module->bias)));
}

static void on_symbol(void *arg, const struct symbol *s)
{
    struct frame *f = arg;

    if (s->internal && !f->system)
        return;
    printer_put(f->p, "%s(...)\n", name_of(s));
    print_place(f->p, s, f->pc, f->entry);
    f->printed++;
}

static int print_frame(struct printer *p, uintptr_t pc, bool call, bool system)
{
    struct frame f = {.p = p, .pc = pc, .system = system};
    uintptr_t at = pc - (call ? 1 : 0);
    struct symbol s;

    symbol_of(at, &s);
    f.entry = s.entry;
    /* What is inlined into a function of this library is this library's too. */
    if (symbol_is_gamp(at) && !system)
        on_symbol(&f, &s);
    else
        symbol_each(at, on_symbol, &f);
    return f.printed;
}

/* The last frames of a walk that was too long to print. */
struct tail {
    uintptr_t pc[TRACEBACK_FRAMES];
    bool call[TRACEBACK_FRAMES];
    unsigned n;
};

static int print_tail(struct printer *p, const struct tail *t, bool system)
{
    unsigned kept = MIN(t->n, (unsigned)TRACEBACK_FRAMES);
    int printed = 0;

    if (t->n > kept)
        printer_put(p, "...%u frames elided...\n", t->n - kept);
    for (unsigned i = t->n - kept; i < t->n; i++)
        printed +=
            print_frame(p, t->pc[i % TRACEBACK_FRAMES], t->call[i % TRACEBACK_FRAMES], system);
    return printed;
}

int traceback_frames(struct printer *p, struct unwind_regs *r, bool system)
{
    struct tail t;
    int printed = 0;

    t.n = 0;
    r->may_refresh = true;
    for (int steps = 0; steps < STEPS_MAX; steps++) {
        if (printed < TRACEBACK_FRAMES) {
            printed += print_frame(p, r->pc, r->call, system);
        } else {
            t.pc[t.n % TRACEBACK_FRAMES] = r->pc;
            t.call[t.n % TRACEBACK_FRAMES] = r->call;
            t.n++;
        }
        if (unwind_step(r) <= 0)
            break;
    }
    return printed + print_tail(p, &t, system);
}

/* What gamp_go, and gamp::go and its like in C++, are made of. C++ functions that are inlined may
 * have no names to tell them by, but they stand in gamp's headers. */
static bool is_header_part(const struct symbol *s)
{
    const char *base = s->file ? strrchr(s->file, '/') : NULL;

    return strncmp(s->function, "gamp_go", 7) == 0 ||
           (base && base - s->file >= 5 && memcmp(base - 5, "/gamp", 5) == 0 &&
            strstr(base, ".h") != NULL);
}

/* The innermost function but for those, or else the one that they are inlined into. */
static void on_creator(void *arg, const struct symbol *s)
{
    struct symbol *found = arg;
    uintptr_t entry = s->entry;

    if (s->function && (!found->function || is_header_part(found)))
        *found = *s;
    found->entry = entry;
}

void traceback_created_by(struct printer *p, uintptr_t pc)
{
    struct symbol s = {.function = NULL};

    if (!pc)
        return;
    symbol_each(pc - 1, on_creator, &s);
    s.module = module_find(pc - 1);
    printer_put(p, "created by %s\n", name_of(&s));
    print_place(p, &s, pc, s.entry);
}
