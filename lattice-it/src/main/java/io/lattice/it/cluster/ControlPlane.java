package io.lattice.it.cluster;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// The manifest that an etcd holds for clusters of [LatticeKind#placed(String)].
///
/// @param etcd whose first node is asked
public record ControlPlane(TestCluster etcd) {
    /// The section of a node's configuration that makes it follow this manifest. Further keys may come after it.
    public String section() {
        return """
        [control_plane]
        mode = "clustor"
        endpoints = ["%s"]
        """
                .formatted(etcd.clientUrl(0));
    }

    /// Puts a group whose voters are these nodes of a cluster.
    public void putGroup(String name, TestCluster cluster, int... nodes) {
        putGroup(name, cluster, IntStream.of(nodes).boxed().toList(), List.of());
    }

    /// Puts a group of voters and listeners.
    public void putGroup(
            String name, TestCluster cluster, List<Integer> voters, List<Integer> listeners) {
        String replicas =
                Stream.concat(
                                voters.stream().map(i -> replica(cluster, i, "VOTER")),
                                listeners.stream().map(i -> replica(cluster, i, "LISTENER")))
                        .collect(Collectors.joining(", "));
        put("groups/" + name, "{\"replicas\": [%s]}".formatted(replicas));
    }

    private static String replica(TestCluster cluster, int index, String role) {
        NodeSpec node = cluster.node(index);
        return "{\"nodeId\": \"%s\", \"raftAddress\": \"%s:%d\", \"clientUrls\": [\"%s\"], \"role\": \"%s\"}"
                .formatted(
                        node.name(), node.host(), node.raftPort(), cluster.clientUrl(index), role);
    }

    /// Puts a tenant.
    ///
    /// @param certificates the names in client certificates that may use it
    public void putTenant(String name, String group, String... certificates) {
        String identities =
                Arrays.stream(certificates)
                        .map(certificate -> "\"" + certificate + "\"")
                        .collect(Collectors.joining(", "));
        put(
                "tenants/" + name,
                "{\"routingEpoch\": 1, \"group\": \"%s\", \"identities\": {\"certificates\": [%s]}}"
                        .formatted(group, identities));
    }

    /// Puts a tenant whose watch streams end after so long without a watcher.
    public void putTenantWithIdleTimeout(String name, String group, long timeoutMs) {
        put(
                "tenants/" + name,
                "{\"routingEpoch\": 1, \"group\": \"%s\", \"watchIdleTimeoutMs\": %d}"
                        .formatted(group, timeoutMs));
    }

    private void put(String document, String json) {
        Etcdctl.of(etcd, 0).run("put", "/clustor/v1/" + document, json).orThrow();
    }
}
