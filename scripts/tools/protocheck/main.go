// Protocheck compares the wire definitions under proto/ with those that etcd's own Go packages register.
//
//	protocheck proto/target/descriptors.bin
//
// The argument is a FileDescriptorSet, as the Maven build of proto/ writes it. Every message, field, enum value, service,
// method and JSON route of etcd must be there and equal, and nothing else may be in etcd's proto packages. It prints what
// differs and exits with 1, with 2 if it can't read its input.
package main

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"go.etcd.io/etcd/api/v3/authpb"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
)

// etcdFiles is what clients of etcd see. The other files of these packages hold etcd's own log entries.
var etcdFiles = []protoreflect.FileDescriptor{
	mvccpb.File_kv_proto,
	authpb.File_auth_proto,
	etcdserverpb.File_rpc_proto,
	v3lockpb.File_v3lock_proto,
	v3electionpb.File_v3election_proto,
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protocheck FILE_DESCRIPTOR_SET")
		os.Exit(2)
	}
	ours, err := readSet(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "protocheck:", err)
		os.Exit(2)
	}
	etcd := etcdSet()
	differences := compare(catalogOf(etcd, packagesOf(etcd)), catalogOf(ours, packagesOf(etcd)))
	for _, difference := range differences {
		fmt.Println(difference)
	}
	if len(differences) > 0 {
		fmt.Printf("protocheck: %d differences from etcd\n", len(differences))
		os.Exit(1)
	}
	fmt.Printf("protocheck: equal to etcd: %s\n", summary(catalogOf(etcd, packagesOf(etcd))))
}

func readSet(path string) (*descriptorpb.FileDescriptorSet, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(bytes, set); err != nil {
		return nil, fmt.Errorf("%s is no FileDescriptorSet: %w", path, err)
	}
	return set, nil
}

func etcdSet() *descriptorpb.FileDescriptorSet {
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range etcdFiles {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	return set
}
