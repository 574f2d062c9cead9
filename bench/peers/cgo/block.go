// SPDX-License-Identifier: BSD-3-Clause

// block.go: Go's side of the foreign code benchmarks; the shapes are those of ../../gamp_block.c.
// Foreign code is reached through cgo here; loops that never call the runtime are Go's own.
package main

/*
#cgo LDFLAGS: -lpthread
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void empty(void)
{
}

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void nap_ns(int64_t ns)
{
    struct timespec ts = {ns / 1000000000, ns % 1000000000};
    while (nanosleep(&ts, &ts) < 0 && errno == EINTR) {
    }
}

static int read_byte(int fd)
{
    char c;
    return (int)read(fd, &c, 1);
}

enum { MESSAGE = 64 };

typedef struct echo_state {
    int fd, n;
    int64_t *took;
    pthread_t thread;
} echo_state;

static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static void *echo_thread(void *arg)
{
    echo_state *e = arg;
    char buf[MESSAGE] = {0};
    uint32_t seed = 7;
    for (int i = 0; i < e->n; i++) {
        nap_ns(next_random(&seed) % 2000000);
        int64_t t = now_ns();
        if (write(e->fd, buf, sizeof buf) != MESSAGE || read(e->fd, buf, sizeof buf) != MESSAGE) {
            fprintf(stderr, "benchmark: thread_echo: short message\n");
            _exit(1);
        }
        e->took[i] = now_ns() - t;
    }
    close(e->fd);
    return NULL;
}

static echo_state *echo_start(int fd, int n)
{
    echo_state *e = calloc(1, sizeof *e);
    e->fd = fd;
    e->n = n;
    e->took = calloc((size_t)n, sizeof *e->took);
    if (pthread_create(&e->thread, NULL, echo_thread, e) != 0)
        _exit(1);
    return e;
}

static int64_t echo_took(echo_state *e, int i)
{
    return e->took[i];
}
*/
import "C"

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	blockFor = 30 * time.Millisecond
	spinFor  = 20 * time.Microsecond
	hogs     = 4
	phases   = 20
	unit     = 1000
	pieces   = 20
	piece    = 3000 // units
	phase    = 250 * time.Millisecond
)

var divisor = flag.Int("s", 1, "divisor of each workload")

func scaled(n int) int {
	if n / *divisor > 0 {
		return n / *divisor
	}
	return 1
}

func clock(id uintptr) time.Duration {
	var ts syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

func processCPU() time.Duration { return clock(2) }
func threadCPU() time.Duration  { return clock(3) }

func print(name, part string, v float64, unit string) {
	fmt.Printf("%s%s %.3f %s\n", name, part, v, unit)
}

func percentiles(name, part string, v []time.Duration, unit time.Duration, word string) {
	if len(v) == 0 {
		return
	}
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	at := func(q float64) float64 { return float64(v[int(float64(len(v)-1)*q)]) / float64(unit) }
	print(name, part+"_p50", at(0.5), word)
	print(name, part+"_p99", at(0.99), word)
}

func status(key string) float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return -1
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if w := strings.Fields(sc.Text()); len(w) > 1 && w[0] == key {
			v, _ := strconv.ParseFloat(w[1], 64)
			return v
		}
	}
	return -1
}

func die(what interface{}) {
	fmt.Fprintln(os.Stderr, "benchmark:", what)
	os.Exit(1)
}

func hint() {
	n := scaled(20000000)
	t, c := time.Now(), processCPU()
	for i := 0; i < n; i++ {
		C.empty()
	}
	print("hint", "", float64(time.Since(t))/float64(n), "ns")
	print("hint", ".cpu", float64(processCPU()-c)/float64(n), "ns")
}

func unhinted() {
	n := scaled(100)
	var since int64
	var over int32
	var wg sync.WaitGroup
	var delay []time.Duration
	start := time.Now()
	now := func() int64 { return int64(time.Since(start)) + 1 }
	wg.Add(1)
	go func() {
		for atomic.LoadInt32(&over) == 0 {
			t := now()
			if s := atomic.SwapInt64(&since, 0); s != 0 {
				delay = append(delay, time.Duration(t-s))
			}
			for now()-t < int64(spinFor) {
			}
			runtime.Gosched()
		}
		wg.Done()
	}()
	seed := C.uint32_t(1)
	for i := 0; i < n; i++ {
		for k := int(C.next_random(&seed) % 400); k > 0; k-- {
			runtime.Gosched()
		}
		atomic.StoreInt64(&since, now())
		C.nap_ns(C.int64_t(blockFor))
		atomic.StoreInt64(&since, 0)
	}
	atomic.StoreInt32(&over, 1)
	wg.Wait()
	print("unhinted", ".seen", 100*float64(len(delay))/float64(n), "%")
	percentiles("unhinted", "", delay, time.Millisecond, "ms")
}

func threadEcho() {
	n := scaled(300)
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		die(err)
	}
	f := os.NewFile(uintptr(pair[1]), "echo")
	conn, err := net.FileConn(f)
	if err != nil {
		die(err)
	}
	f.Close()
	var over int32
	var served, spun sync.WaitGroup
	served.Add(1)
	spun.Add(hogs)
	go func() {
		buf := make([]byte, C.MESSAGE)
		for {
			if _, err := io.ReadFull(conn, buf); err != nil {
				break
			}
			if _, err := conn.Write(buf); err != nil {
				die(err)
			}
		}
		conn.Close()
		served.Done()
	}()
	for i := 0; i < hogs; i++ {
		go func() {
			for atomic.LoadInt32(&over) == 0 {
			}
			spun.Done()
		}()
	}
	e := C.echo_start(C.int(pair[0]), C.int(n))
	served.Wait()
	C.pthread_join(e.thread, nil)
	atomic.StoreInt32(&over, 1)
	spun.Wait()
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = time.Duration(C.echo_took(e, C.int(i)))
	}
	percentiles("thread_echo", "", took, time.Microsecond, "us")
}

type hog struct {
	work, result uint64
	_            [112]byte
}

//go:noinline
func workLoop(h *hog, limit uint64, over *int32) {
	x := uint64(1)
	for h.work < limit && atomic.LoadInt32(over) == 0 {
		for i := 0; i < unit; i++ {
			x = x*6364136223846793005 + 1442695040888963407
		}
		h.work++
	}
	h.result = x
}

func freeRate() float64 {
	var over int32
	var cpu time.Duration
	var h hog
	for i := uint64(1); i <= pieces; i++ {
		runtime.Gosched() // a new slice
		t := threadCPU()
		workLoop(&h, i*piece, &over)
		cpu += threadCPU() - t
	}
	return float64(h.work) / float64(cpu)
}

func hogRate(withTicker bool) float64 {
	h := make([]hog, 2)
	var over int32
	var wg sync.WaitGroup
	c := processCPU()
	for i := range h {
		wg.Add(1)
		go func(h *hog) {
			workLoop(h, 1<<63, &over)
			wg.Done()
		}(&h[i])
	}
	if withTicker {
		wg.Add(1)
		go func() {
			for atomic.LoadInt32(&over) == 0 {
				time.Sleep(time.Millisecond)
			}
			wg.Done()
		}()
	}
	time.Sleep(phase)
	atomic.StoreInt32(&over, 1)
	wg.Wait()
	return float64(h[0].work+h[1].work) / float64(processCPU()-c)
}

func preemptLoss(name string, withTicker bool) {
	lost := make([]float64, scaled(phases))
	for i := range lost {
		alone := freeRate()
		lost[i] = 100 * (1 - hogRate(withTicker)/alone)
	}
	sort.Float64s(lost)
	print(name, "", lost[len(lost)/2], "%")
}

func preemptSwitch() {
	var owner, last int64
	var over int32
	var wg sync.WaitGroup
	var gap []time.Duration
	start := time.Now()
	wg.Add(2)
	for me := int64(1); me <= 2; me++ {
		go func(me int64) {
			for atomic.LoadInt32(&over) == 0 {
				t := int64(time.Since(start))
				if o := atomic.LoadInt64(&owner); o != me {
					t = int64(time.Since(start)) // the first may be from before the stop
					if o != 0 {
						gap = append(gap, time.Duration(t-atomic.LoadInt64(&last)))
					}
				}
				atomic.StoreInt64(&last, t)
				atomic.StoreInt64(&owner, me)
			}
			wg.Done()
		}(me)
	}
	time.Sleep(time.Duration(scaled(5000)) * time.Millisecond)
	atomic.StoreInt32(&over, 1)
	wg.Wait()
	percentiles("preempt_switch", "", gap, time.Microsecond, "us")
}

func blocked1000() {
	n := scaled(1000)
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		die(err)
	}
	rss := status("VmRSS:")
	var up, down sync.WaitGroup
	t, c := time.Now(), processCPU()
	up.Add(n)
	down.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			up.Done()
			if C.read_byte(C.int(pipe[0])) != 0 {
				die("blocked1000: read did not end")
			}
			down.Done()
		}()
	}
	up.Wait()
	print("blocked1000", "", float64(time.Since(t))/1e6, "ms")
	print("blocked1000", ".cpu", float64(processCPU()-c)/1e6, "ms")
	print("blocked1000", ".threads", status("Threads:"), "threads")
	print("blocked1000", ".rss", (status("VmRSS:")-rss)/float64(n), "KiB")
	syscall.Close(pipe[1])
	down.Wait()
}

var jobs = map[string]func(){
	"hint":           hint,
	"unhinted":       unhinted,
	"thread_echo":    threadEcho,
	"preempt10":      func() { preemptLoss("preempt10", false) },
	"preempt1":       func() { preemptLoss("preempt1", true) },
	"preempt_switch": preemptSwitch,
	"blocked1000":    blocked1000,
}

func main() {
	workers := flag.Int("w", 1, "number of Ps")
	flag.Parse()
	runtime.GOMAXPROCS(*workers)
	for _, name := range flag.Args() {
		job, ok := jobs[name]
		if !ok {
			fmt.Fprintln(os.Stderr, "no workload", name)
			os.Exit(2)
		}
		job()
	}
}
