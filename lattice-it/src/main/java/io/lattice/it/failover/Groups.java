package io.lattice.it.failover;

import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.TlsMaterial;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// A manifest of several Raft groups, g1, g2 and so on, each on all nodes and with one tenant: the default one in g1, t2
/// in g2 and so on. The client certificate may use them all.
final class Groups {
    /// As many as the client certificate has names for.
    static final int MOST = TlsMaterial.TENANTS;

    private Groups() {}

    /// Puts it.
    ///
    /// @param cluster to be started with it, so far only prepared
    /// @param count 1 to [#MOST]
    /// @return the tenants, that of g1 first
    static List<Tenant> put(ControlPlane controlPlane, TestCluster cluster, int count) {
        int[] nodes = IntStream.range(0, cluster.size()).toArray();
        List<Tenant> tenants = new ArrayList<>();
        for (int number = 1; number <= count; number++) {
            String group = "g" + number;
            Tenant tenant = Tenant.of(cluster, number == 1 ? null : "t" + number);
            controlPlane.putGroup(group, cluster, nodes);
            controlPlane.putTenant(tenant.title(), group, TlsMaterial.clientIdentity(number));
            tenants.add(tenant);
        }
        return tenants;
    }
}
