package main

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Each change of etcd's own descriptors must be found, as exactly the given lines.
func TestCompareFindsWhatDiffers(t *testing.T) {
	cases := map[string]struct {
		change func(set *descriptorpb.FileDescriptorSet)
		want   []string
	}{
		"nothing": {
			change: func(*descriptorpb.FileDescriptorSet) {},
		},
		"a field's number": {
			change: func(set *descriptorpb.FileDescriptorSet) { set.File[0].MessageType[0].Field[0].Number = proto.Int32(7) },
			want: []string{"different: field mvccpb.KeyValue.key: etcd has number 1, LABEL_OPTIONAL, TYPE_BYTES; " +
				"ours is number 7, LABEL_OPTIONAL, TYPE_BYTES"},
		},
		"a field more": {
			change: func(set *descriptorpb.FileDescriptorSet) {
				field := proto.CloneOf(set.File[0].MessageType[0].Field[0])
				field.Name = proto.String("extra")
				field.Number = proto.Int32(99)
				message := set.File[0].MessageType[0]
				message.Field = append(message.Field, field)
			},
			want: []string{"not in etcd: field mvccpb.KeyValue.extra (number 99, LABEL_OPTIONAL, TYPE_BYTES)"},
		},
		"an enum's value less": {
			change: func(set *descriptorpb.FileDescriptorSet) {
				enum := set.File[0].MessageType[1].EnumType[0]
				enum.Value = enum.Value[:1]
			},
			want: []string{"missing: value mvccpb.Event.EventType.DELETE (number 1)"},
		},
		"no route": {
			change: func(set *descriptorpb.FileDescriptorSet) { set.File[3].Service[0].Method[0].Options = nil },
			want: []string{"different: method v3lockpb.Lock.Lock: etcd has .v3lockpb.LockRequest returns " +
				".v3lockpb.LockResponse, http *annotations.HttpRule_Post &{/v3/lock/lock} body \"*\" response \"\"; " +
				"ours is .v3lockpb.LockRequest returns .v3lockpb.LockResponse"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			etcd := etcdSet()
			changed := proto.CloneOf(etcd)
			c.change(changed)

			got := compare(catalogOf(etcd, packagesOf(etcd)), catalogOf(changed, packagesOf(etcd)))

			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
