/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/run.h: starting and ending the runtime, and what concerns all of it.
 *
 * A program has its main goroutine by GAMP_MAIN or gamp_run; a program with its own main and
 * threads starts the runtime beside them with gamp_start. Once per process, one or the other. */
#ifndef GAMP_RUN_H
#define GAMP_RUN_H

#include <gamp/base.h>
#include <gamp/errno.h>

GAMP_BEGIN_DECLS

#define GAMP_VERSION_MAJOR 0
#define GAMP_VERSION_MINOR 1
#define GAMP_VERSION_PATCH 0

/* What a program may choose about the runtime; zero is the default for each. The environment
 * (GAMPMAXPROCS) wins over it. It is read during the call and not kept. */
typedef struct gamp_config {
    /* How many goroutines run at once; default: as many as the process may use CPUs. */
    int maxprocs GAMP_ZERO_;
    /* Threads in all, default 10000; one more is a fatal error. A goroutine that is stopped while
     * it computes keeps one: with few left, more of its function begin when one is given back. */
    int max_threads GAMP_ZERO_;
    /* Of goroutines that gamp_go starts, in bytes of address space; default 256 KiB. */
    size_t stack_size GAMP_ZERO_;
} gamp_config;

/* GAMP_MAIN(argc, argv) { ...; return 0; } defines main(): the block is the main goroutine's
 * function, its result the process's exit status. argc and argv are int and char **. */
#define GAMP_MAIN(argc, argv)                                                                      \
    static int gamp_main_function_(int argc, char **argv);                                         \
    int main(int gamp_argc_, char **gamp_argv_)                                                    \
    {                                                                                              \
        return gamp_run(gamp_main_function_, gamp_argc_, gamp_argv_);                              \
    }                                                                                              \
    static int gamp_main_function_(__attribute__((__unused__)) int argc,                           \
                                   __attribute__((__unused__)) char **argv)

/* GAMP_INIT(name) { ... } at file scope: the block, a void function, runs on the main goroutine
 * before main's function, under GAMP_MAIN, gamp_run and gamp_run_with (not gamp_start). Hooks of
 * one file run in the order written, files in link order (link-time optimisation may change the
 * order of files). It may use everything a goroutine may. A hook that is loaded (dlopen) after
 * main's function began does not run, nor one that was unloaded before. name tells hooks of a file
 * apart, and stands in dumps. Go: func init(). */
#define GAMP_INIT(name) GAMP_INIT_(name, __COUNTER__)
#define GAMP_INIT_(name, position)                                                                 \
    static void name##_gamp_init(void);                                                            \
    static struct gamp_init_node name##_gamp_init_node = {NULL, name##_gamp_init, #name,           \
                                                          &gamp_init_unit_, position};             \
    __attribute__((__constructor__)) static void name##_gamp_init_register(void)                   \
    {                                                                                              \
        gamp_init_register(&name##_gamp_init_node);                                                \
    }                                                                                              \
    __attribute__((__destructor__)) static void name##_gamp_init_unregister(void)                  \
    {                                                                                              \
        gamp_init_unregister(&name##_gamp_init_node);                                              \
    }                                                                                              \
    static void name##_gamp_init(void)

/* Bootstraps the runtime on the calling thread and runs fn(argc, argv) as the main goroutine,
 * which begins on that thread; returns fn's result there. argc and argv are handed through; argv
 * may be NULL. When fn has returned, no other goroutine is scheduled again; each stops at its
 * next gamp call. Timers still fire for the threads that are left, but functions of
 * gamp_after_func run no more. In a child forked by a goroutine there is no runtime; fn's return
 * there exits with its result, another goroutine's and gamp_goexit with 0. If the calling thread is
 * itself held inside code that preemption stopped, the process exits with fn's result instead.
 * -EALREADY when a run or a start was made before in this process, a failed one too, or from inside
 * a goroutine. -ENOMEM, -EAGAIN when the system gives no memory or threads. fn's result is returned
 * as it is: negative ones look the same. */
GAMP_API int gamp_run(int (*fn)(int argc, char **argv), int argc, char **argv);
/* The same with choices; cfg may be NULL. */
GAMP_API int gamp_run_with(const gamp_config *cfg, int (*fn)(int argc, char **argv), int argc,
                           char **argv);

/* Starts the runtime beside the host program's own threads and returns; any thread may then
 * gamp_go and use everything. There is no main goroutine, no GAMP_INIT hook runs, and deadlock is
 * not reported. cfg may be NULL. 0, -EALREADY as for gamp_run, -ENOMEM, -EAGAIN. Does not wait
 * for anything. */
GAMP_API int gamp_start(const gamp_config *cfg);

/* Ends what gamp_start began: no goroutine is scheduled again. Waits until none runs any more, at
 * most until the point. 0; -ETIMEDOUT: some are still inside code that makes no gamp call (call
 * it again); -EBUSY from a goroutine; -EPERM when the runtime was not started by gamp_start.
 * Again after 0: 0. */
GAMP_API int gamp_stop(gamp_time until);

/* Sets how many goroutines may run at once if n > 0 (at most 1024); returns the previous number.
 * Setting stops all goroutines for a moment. Before the runtime runs: what it would begin with.
 * Go: runtime.GOMAXPROCS. */
GAMP_API int gamp_gomaxprocs(int n);

/* The CPUs this process may use: affinity mask and cgroup quota considered; at least 1. Does not
 * block; any thread, also before the runtime runs. Go: runtime.NumCPU. */
GAMP_API int gamp_num_cpu(void);

/* How many goroutines of the program there are: main and what gamp_go and its like started and
 * has not ended. 0 in an idle gamp_start, before the runtime runs and after it has ended. A
 * snapshot. Go: runtime.NumGoroutine. */
GAMP_API int gamp_num_goroutine(void);

/* The calling goroutine's number, never used twice; main's is 1. 0 on a thread that runs no
 * goroutine. Does not block. Go has it in its dumps only. */
GAMP_API uint64_t gamp_goid(void);

/* Lets other goroutines run; the caller stays runnable. On a foreign thread: sched_yield. Go:
 * runtime.Gosched. */
GAMP_API void gamp_gosched(void);

/* Runs the calling goroutine's deferred calls and ends it; gamp_protect does not stop it. The
 * main goroutine too: the others go on, and the program ends by exit or by a deadlock report.
 * Panics on a foreign thread. C++ destructors of the frames it leaves do not run. Go:
 * runtime.Goexit. */
GAMP_API GAMP_NORETURN void gamp_goexit(void);

/* Ties the calling goroutine to its present thread, which runs nothing else, until as many
 * unlocks; a goroutine that ends locked ends its thread. Does nothing on a foreign thread. Go:
 * runtime.LockOSThread. */
GAMP_API void gamp_lock_os_thread(void);
/* Takes one lock back; one too many does nothing. Go: runtime.UnlockOSThread. */
GAMP_API void gamp_unlock_os_thread(void);

/* The library's version, "0.1.0", as against the header's GAMP_VERSION_... Static memory. Any
 * thread, any time. */
GAMP_API const char *gamp_version(void);

/* For GAMP_INIT alone. A node is static memory; constructors hand them in before main, and
 * destructors take them back, as a library may be unloaded. Nodes are kept in the order of
 * arrival, but those of one unit (a source file) by their position, since compilers emit the
 * constructors of a file in any order. */
struct gamp_init_node {
    struct gamp_init_node *next;
    void (*fn)(void);
    const char *name;
    const void *unit;
    unsigned position;
};
GAMP_API void gamp_init_register(struct gamp_init_node *node);
GAMP_API void gamp_init_unregister(struct gamp_init_node *node);
/* Its address tells one source file from another. */
__attribute__((__unused__)) static char gamp_init_unit_;

GAMP_END_DECLS

#endif
