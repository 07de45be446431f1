package io.lattice.it.cluster;

import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;

/// Connections that name a tenant.
public final class TenantChannels {
    /// Names the tenant of a call.
    public static final Metadata.Key<String> TENANT =
            Metadata.Key.of("lattice-tenant", Metadata.ASCII_STRING_MARSHALLER);

    private TenantChannels() {}

    /// The connection to a node, each of its calls naming the tenant.
    public static Channel of(TestCluster cluster, int node, String tenant) {
        return naming(cluster.client(node).channel(), tenant);
    }

    /// A connection, each of its calls naming the tenant.
    public static Channel naming(Channel channel, String tenant) {
        Metadata metadata = new Metadata();
        metadata.put(TENANT, tenant);
        return ClientInterceptors.intercept(
                channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
    }
}
