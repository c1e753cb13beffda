// A relay as one writes it in Go: a goroutine a direction, io.Copy between two *net.TCPConn, which the runtime turns into
// splice(2). Half-close is relayed.
//
//	go_relay TARGET_PORT LISTEN_PORT ...        (all on 127.0.0.1)
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"time"
)

// copyOne moves one direction and passes its end of file on. A broken direction resets both connections, so that the other
// one ends, too.
func copyOne(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		to.SetLinger(0)
		from.SetLinger(0)
		to.Close()
		from.Close()
	} else {
		to.CloseWrite()
	}
}

func serve(client *net.TCPConn, target *net.TCPAddr) {
	backend, err := net.DialTCP("tcp", nil, target)
	if err != nil {
		client.SetLinger(0)
		client.Close()
		return
	}
	done := make(chan struct{}, 1)
	go func() {
		copyOne(backend, client)
		done <- struct{}{}
	}()
	copyOne(client, backend)
	<-done
	client.Close()
	backend.Close()
}

func accept(listener *net.TCPListener, target *net.TCPAddr) {
	for {
		client, err := listener.AcceptTCP()
		if err != nil { // out of descriptors, most likely: connections wait until some are closed
			time.Sleep(5 * time.Millisecond)
			continue
		}
		go serve(client, target)
	}
}

func address(port string) *net.TCPAddr {
	found, err := net.ResolveTCPAddr("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	return found
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println("two io.Copy, bench/peers/go_relay,", runtime.Version())
		return
	}
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: go_relay TARGET_PORT LISTEN_PORT ...")
		os.Exit(2)
	}
	target := address(os.Args[1])
	for _, port := range os.Args[2:] {
		listener, err := net.ListenTCP("tcp", address(port))
		if err != nil {
			log.Fatal(err)
		}
		go accept(listener, target)
	}
	select {}
}
