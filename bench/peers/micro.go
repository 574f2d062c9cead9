// SPDX-License-Identifier: BSD-3-Clause

// micro.go: Go's side of the scheduler benchmarks; the shapes are those of ../gamp_micro.c, the
// command line and the output those of ../bench.h.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	slots  = 128
	rounds = 10
	nap    = 50 * time.Millisecond
)

var divisor = flag.Int("s", 1, "divisor of each workload")

func scaled(n int) int {
	if n / *divisor > 0 {
		return n / *divisor
	}
	return 1
}

func cpu() time.Duration {
	var ts syscall.Timespec
	const processCPU = 2 // CLOCK_PROCESS_CPUTIME_ID
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, processCPU, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

type span struct {
	wall time.Time
	cpu  time.Duration
}

func begin() span { return span{time.Now(), cpu()} }

func print(name, part string, v float64, unit string) {
	fmt.Printf("%s%s %.3f %s\n", name, part, v, unit)
}

func (s span) ns(name string, n float64) {
	wall, c := time.Since(s.wall), cpu()-s.cpu
	print(name, "", float64(wall)/n, "ns")
	print(name, ".cpu", float64(c)/n, "ns")
}

func (s span) ms(name string) {
	wall, c := time.Since(s.wall), cpu()-s.cpu
	print(name, "", float64(wall)/1e6, "ms")
	print(name, ".cpu", float64(c)/1e6, "ms")
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

func percentiles(name, part string, v []time.Duration, unit time.Duration, word string) {
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	at := func(q float64) float64 { return float64(v[int(float64(len(v)-1)*q)]) / float64(unit) }
	print(name, part+"_p50", at(0.5), word)
	print(name, part+"_p99", at(0.99), word)
}

func die(what string) {
	fmt.Fprintln(os.Stderr, "benchmark:", what)
	os.Exit(1)
}

func spawn1m() {
	n := scaled(1000000)
	var wg sync.WaitGroup
	s := begin()
	wg.Add(n)
	for i := 0; i < n; i++ {
		go wg.Done()
	}
	wg.Wait()
	s.ns("spawn_1m", float64(n))
}

func spawnBatch() {
	batches, each := scaled(2000), 1000
	var wg sync.WaitGroup
	s := begin()
	for b := 0; b < batches; b++ {
		wg.Add(each)
		for i := 0; i < each; i++ {
			go wg.Done()
		}
		wg.Wait()
	}
	s.ns("spawn_batch", float64(batches*each))
}

func yieldAmong(name string, k, each int) {
	var wg sync.WaitGroup
	s := begin()
	wg.Add(k)
	for i := 0; i < k; i++ {
		go func() {
			for j := 0; j < each; j++ {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s.ns(name, float64(k*each))
}

func pingpong() {
	n := scaled(2000000)
	var wg sync.WaitGroup
	a, b := make(chan int), make(chan int)
	s := begin()
	wg.Add(2)
	go func() {
		for i := 0; i < n; i++ {
			b <- <-a
		}
		wg.Done()
	}()
	go func() {
		for i := 0; i < n; i++ {
			a <- i
			<-b
		}
		wg.Done()
	}()
	wg.Wait()
	s.ns("pingpong", 2*float64(n))
}

func produce(wg *sync.WaitGroup, c chan<- int, n int) {
	for i := 0; i < n; i++ {
		c <- i
	}
	wg.Done()
}

func consume(wg *sync.WaitGroup, c <-chan int, n int) {
	for i := 0; i < n; i++ {
		<-c
	}
	wg.Done()
}

func buffered(name string, pairs, each int) {
	var wg sync.WaitGroup
	c := make(chan int, slots)
	s := begin()
	wg.Add(2 * pairs)
	for i := 0; i < pairs; i++ {
		go produce(&wg, c, each)
		go consume(&wg, c, each)
	}
	wg.Wait()
	s.ns(name, float64(pairs*each))
}

func select2() {
	n := scaled(1000000)
	var wg sync.WaitGroup
	a, b := make(chan int), make(chan int)
	s := begin()
	wg.Add(3)
	go produce(&wg, a, n)
	go produce(&wg, b, n)
	go func() {
		for i := 0; i < 2*n; i++ {
			select {
			case <-a:
			case <-b:
			}
		}
		wg.Done()
	}()
	wg.Wait()
	s.ns("select2", 2*float64(n))
}

func mutex8() {
	each, counter := scaled(2000000), 0
	var wg sync.WaitGroup
	var m sync.Mutex
	s := begin()
	wg.Add(8)
	for i := 0; i < 8; i++ {
		go func() {
			for j := 0; j < each; j++ {
				m.Lock()
				counter++
				m.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s.ns("mutex8", 8*float64(each))
	if counter != 8*each {
		die("mutex8: wrong count")
	}
}

func skynetNode(up chan<- int, num, size int) {
	if size == 1 {
		up <- num
		return
	}
	c, sum := make(chan int), 0
	for i := 0; i < 10; i++ {
		go skynetNode(c, num+i*(size/10), size/10)
	}
	for i := 0; i < 10; i++ {
		sum += <-c
	}
	up <- sum
}

func skynet() {
	leaves := 1
	for leaves*10 <= scaled(1000000) {
		leaves *= 10
	}
	c := make(chan int)
	s := begin()
	go skynetNode(c, 0, leaves)
	sum := <-c
	s.ms("skynet")
	if sum != leaves*(leaves-1)/2 {
		die("skynet: wrong sum")
	}
}

func sieve() {
	n, prime := scaled(2000), 0
	c := make(chan int)
	s := begin()
	go func(out chan<- int) {
		for i := 2; ; i++ {
			out <- i
		}
	}(c)
	for i := 0; i < n; i++ {
		prime = <-c
		next := make(chan int)
		go func(in <-chan int, out chan<- int, prime int) {
			for {
				if v := <-in; v%prime != 0 {
					out <- v
				}
			}
		}(c, next, prime)
		c = next
	}
	s.ms("sieve")
	if n == 2000 && prime != 17389 {
		die("sieve: wrong prime")
	}
}

func park(name string, n int) {
	var up, down sync.WaitGroup
	gate := make(chan struct{})
	runtime.GC()
	rss, pte := status("VmRSS:"), status("VmPTE:")
	s := begin()
	up.Add(n)
	down.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			up.Done()
			<-gate
			down.Done()
		}()
	}
	up.Wait()
	s.ms(name)
	print(name, ".rss", (status("VmRSS:")-rss)*1024/float64(n), "B")
	print(name, ".pagetables", (status("VmPTE:")-pte)*1024/float64(n), "B")
	t := time.Now()
	close(gate)
	down.Wait()
	print(name, ".wake", float64(time.Since(t))/1e6, "ms")
}

func timers(name string, n int) {
	var wg sync.WaitGroup
	late := make([]time.Duration, n*rounds)
	for i := range late {
		late[i] = 1 // resident before the clock starts
	}
	s := begin()
	wg.Add(n)
	for i := 0; i < n; i++ {
		go func(late []time.Duration) {
			for i := range late {
				t := time.Now()
				time.Sleep(nap)
				late[i] = time.Since(t) - nap
			}
			wg.Done()
		}(late[i*rounds : (i+1)*rounds])
	}
	wg.Wait()
	s.ms(name)
	percentiles(name, ".late", late, time.Millisecond, "ms")
}

var jobs = map[string]func(){
	"spawn_1m":    spawn1m,
	"spawn_batch": spawnBatch,
	"yield2":      func() { yieldAmong("yield2", 2, scaled(2000000)) },
	"yield1000":   func() { yieldAmong("yield1000", 1000, scaled(4000)) },
	"pingpong":    pingpong,
	"buf11":       func() { buffered("buf11", 1, scaled(8000000)) },
	"buf44":       func() { buffered("buf44", 4, scaled(2000000)) },
	"select2":     select2,
	"mutex8":      mutex8,
	"skynet":      skynet,
	"sieve":       sieve,
	"park100k":    func() { park("park100k", scaled(100000)) },
	"park1m":      func() { park("park1m", scaled(1000000)) },
	"timers10k":   func() { timers("timers10k", scaled(10000)) },
	"timers100k":  func() { timers("timers100k", scaled(100000)) },
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
