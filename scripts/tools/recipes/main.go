// Recipes plays the coordination recipes of etcd's Go client (its packages concurrency and experimental/recipes) against a
// cluster, and checks on the way what they promise.
//
//	recipes --endpoints A,B,C --name w1 counter --rounds 100   one of several processes that count under a mutex
//	recipes --endpoints A,B,C --name w1 election --rounds 10   one of several candidates, leading a few times in turn
//	recipes --endpoints A,B,C --name w1 stm --rounds 100       one of several that move money between accounts
//	recipes --endpoints A,B,C --name w1 observe --rounds 10    an election and who observes it, until the servers' leader changes, and on
//	recipes --endpoints A,B,C --name w1 queues                 queues, barriers and locks within one process
//
// All but queues go on over the loss of servers. What each process has done stands in the store, for whoever checks it
// when all have ended. Exit status: 0 done, 1 a promise was broken or nothing goes on any more, 2 bad command line.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

const (
	// sessionSeconds is longer than any election, so that a session outlives the leader.
	sessionSeconds = 10
	callTimeout    = 3 * time.Second
	lifeLimit      = 2 * time.Minute
	pauseOnError   = 50 * time.Millisecond
)

type worker struct {
	client *clientv3.Client
	name   string
	rounds int
}

func main() {
	flags := flag.NewFlagSet("recipes", flag.ContinueOnError)
	endpoints := flags.String("endpoints", "127.0.0.1:2379", "addresses of the servers, separated by commas")
	name := flags.String("name", "w", "this process, different from the others'")
	if flags.Parse(os.Args[1:]) != nil || flags.NArg() == 0 {
		os.Exit(2)
	}
	plays := map[string]func(context.Context, worker) error{
		"counter": counter, "election": election, "stm": stm, "observe": observe, "queues": queues,
	}
	play, known := plays[flags.Arg(0)]
	own := flag.NewFlagSet(flags.Arg(0), flag.ContinueOnError)
	rounds := own.Int("rounds", 10, "how often")
	if !known || own.Parse(flags.Args()[1:]) != nil || own.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "recipes: unknown recipe or option:", strings.Join(flags.Args(), " "))
		os.Exit(2)
	}
	if err := run(strings.Split(*endpoints, ","), worker{name: *name, rounds: *rounds}, play); err != nil {
		fmt.Fprintf(os.Stderr, "recipes: %s: %v\n", *name, err)
		os.Exit(1)
	}
}

func run(endpoints []string, w worker, play func(context.Context, worker) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), lifeLimit)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Context: ctx})
	if err != nil {
		return err
	}
	w.client = client
	err = play(ctx, w)
	_ = client.Close()
	return err
}

// until tries again after errors, which a lost server causes, for as long as the process may live.
func until(ctx context.Context, what string, try func(context.Context) (bool, error)) error {
	var last error
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, callTimeout)
		done, err := try(attempt)
		cancel()
		if done {
			return err
		}
		if err != nil {
			last = err
			time.Sleep(pauseOnError)
		}
	}
	return fmt.Errorf("gave up: %s: %w", what, last)
}

// session makes one that lives until the client ends or its lease is lost.
func (w worker) session(ctx context.Context) (*concurrency.Session, error) {
	var made *concurrency.Session
	err := until(ctx, "a session", func(attempt context.Context) (bool, error) {
		grant, err := w.client.Grant(attempt, sessionSeconds)
		if err != nil {
			return false, err
		}
		made, err = concurrency.NewSession(w.client, concurrency.WithLease(grant.ID))
		return err == nil, err
	})
	return made, err
}

func lost(s *concurrency.Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}
