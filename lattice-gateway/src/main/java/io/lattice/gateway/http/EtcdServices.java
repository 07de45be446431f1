package io.lattice.gateway.http;

import io.grpc.ServiceDescriptor;
import io.grpc.health.v1.HealthGrpc;
import io.lattice.proto.etcdserverpb.AuthGrpc;
import io.lattice.proto.etcdserverpb.ClusterGrpc;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.MaintenanceGrpc;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.v3electionpb.ElectionGrpc;
import io.lattice.proto.v3lockpb.LockGrpc;
import java.util.List;
import java.util.stream.Stream;

/// The services of the client port by name, those included that answer Unimplemented.
public final class EtcdServices {
    /// etcd's API, which the JSON gateway serves too.
    static final List<ServiceDescriptor> API =
            List.of(
                    KVGrpc.getServiceDescriptor(),
                    WatchGrpc.getServiceDescriptor(),
                    LeaseGrpc.getServiceDescriptor(),
                    ClusterGrpc.getServiceDescriptor(),
                    MaintenanceGrpc.getServiceDescriptor(),
                    AuthGrpc.getServiceDescriptor(),
                    LockGrpc.getServiceDescriptor(),
                    ElectionGrpc.getServiceDescriptor());

    /// etcd's API and gRPC's health service: what calls are counted of.
    public static final List<ServiceDescriptor> DESCRIPTORS =
            Stream.concat(API.stream(), Stream.of(HealthGrpc.getServiceDescriptor())).toList();

    private EtcdServices() {}
}
