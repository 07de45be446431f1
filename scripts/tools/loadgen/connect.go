package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

const connectTimeout = 5 * time.Second

// tenantHeader names the tenant of a request to Lattice.
const tenantHeader = "lattice-tenant"

// connections is a fixed set of connections, each to one endpoint: connection i goes to endpoint i modulo their number.
type connections struct {
	clients []*clientv3.Client
	kv      []pb.KVClient
	watch   []pb.WatchClient
	lease   []pb.LeaseClient
}

func connect(s settings) (*connections, error) {
	tlsConfig, err := tlsConfigOf(s)
	if err != nil {
		return nil, err
	}
	c := &connections{}
	for i := range s.connections {
		endpoint := s.endpoints[i%len(s.endpoints)]
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{endpoint},
			TLS:       tlsConfig,
			// A request that fails is counted, not tried again behind the measurement's back.
			MaxUnaryRetries: 1,
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("no client for %s: %w", endpoint, err), c.Close())
		}
		c.clients = append(c.clients, client)
		connection := client.ActiveConnection()
		if err := waitUntilReady(connection); err != nil {
			return nil, errors.Join(fmt.Errorf("no connection to %s: %w", endpoint, err), c.Close())
		}
		// The stub below the client's own functions, on the client's connection: those functions copy each request twice,
		// which is CPU time that the servers could use.
		c.kv = append(c.kv, pb.NewKVClient(connection))
		c.watch = append(c.watch, pb.NewWatchClient(connection))
		c.lease = append(c.lease, pb.NewLeaseClient(connection))
	}
	return c, nil
}

// waitUntilReady connects, which otherwise only the first request does.
func waitUntilReady(connection *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	connection.Connect()
	for state := connection.GetState(); state != connectivity.Ready; state = connection.GetState() {
		if !connection.WaitForStateChange(ctx, state) {
			// A state has no reason; a request that doesn't wait for a connection is told what is wrong with it.
			_, err := pb.NewKVClient(connection).Range(context.Background(), &pb.RangeRequest{Key: []byte{0}})
			return fmt.Errorf("not ready after %v: %w", connectTimeout, err)
		}
	}
	return nil
}

func (c *connections) Close() error {
	var errs []error
	for _, client := range c.clients {
		errs = append(errs, client.Close())
	}
	return errors.Join(errs...)
}

// forWorker returns the connections that a worker takes turns on. It is one of them, unless there are fewer workers than
// endpoints: then which of the endpoints leads would decide the result, so that each worker goes round all of them.
func (c *connections) forWorker(worker int, s settings) []pb.KVClient {
	if s.clients < len(s.endpoints) {
		return c.kv[:len(s.endpoints)]
	}
	return []pb.KVClient{c.kv[connectionOf(worker, len(c.kv), len(s.tenants))]}
}

// connectionOf spreads the workers evenly over the connections, and those of each tenant too. Worker w is the tenant's w
// modulo their number: without a shift, a tenant whose number shares a divisor with that of the connections would meet only
// some of them.
func connectionOf(worker, connections, tenants int) int {
	if tenants < 2 {
		return worker % connections
	}
	return (worker + worker/leastCommonMultiple(connections, tenants)) % connections
}

func leastCommonMultiple(a, b int) int {
	divisor, rest := a, b
	for rest != 0 {
		divisor, rest = rest, divisor%rest
	}
	return a / divisor * b
}

// tenantOf is the place of a worker's tenant among the settings'; 0 without tenants.
func tenantOf(worker int, s settings) int {
	return worker % max(len(s.tenants), 1)
}

// inTenant names the worker's tenant in all requests of the context.
func inTenant(ctx context.Context, worker int, s settings) context.Context {
	if len(s.tenants) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, tenantHeader, s.tenants[tenantOf(worker, s)])
}

func tlsConfigOf(s settings) (*tls.Config, error) {
	if s.caCert == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.caCert)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", s.caCert)
	}
	if s.cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
