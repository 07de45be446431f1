package io.lattice.gateway.node;

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

/// The services of the client port by name, those included that answer Unimplemented: their calls are counted too.
final class EtcdServices {
    static final List<ServiceDescriptor> DESCRIPTORS =
            List.of(
                    KVGrpc.getServiceDescriptor(),
                    WatchGrpc.getServiceDescriptor(),
                    LeaseGrpc.getServiceDescriptor(),
                    ClusterGrpc.getServiceDescriptor(),
                    MaintenanceGrpc.getServiceDescriptor(),
                    AuthGrpc.getServiceDescriptor(),
                    LockGrpc.getServiceDescriptor(),
                    ElectionGrpc.getServiceDescriptor(),
                    HealthGrpc.getServiceDescriptor());

    private EtcdServices() {}
}
