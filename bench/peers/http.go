// SPDX-License-Identifier: BSD-3-Clause

// http.go: Go's net/http serving a directory, as its documentation shows it.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
)

func main() {
	workers := flag.Int("w", 1, "number of Ps")
	flag.Parse()
	runtime.GOMAXPROCS(*workers)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: http [-w WORKERS] ROOT;", err)
		os.Exit(2)
	}
	fmt.Println("listening", l.Addr().(*net.TCPAddr).Port)
	fmt.Fprintln(os.Stderr, http.Serve(l, http.FileServer(http.Dir(flag.Arg(0)))))
	os.Exit(1)
}
