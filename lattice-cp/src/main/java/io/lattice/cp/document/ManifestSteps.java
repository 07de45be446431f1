package io.lattice.cp.document;

import io.lattice.proto.manifest.GroupDocument;
import io.lattice.proto.manifest.Replica;
import io.lattice.proto.manifest.TenantDocument;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// What must hold between a manifest and the one that follows it.
public final class ManifestSteps {
    private ManifestSteps() {}

    /// All that keeps documents from following others; empty if nothing does.
    ///
    /// @param before those that are in force
    public static List<Problem> problems(ManifestDocuments before, ManifestDocuments after) {
        List<Problem> problems = new ArrayList<>();
        after.tenants()
                .forEach((name, tenant) -> {
                    TenantDocument former = before.tenants().get(name);
                    if (former != null) {
                        step(ManifestDocuments.TENANTS + name, former, tenant, problems);
                    }
                });
        after.groups()
                .forEach((name, group) -> {
                    GroupDocument former = before.groups().get(name);
                    if (former != null) {
                        step(ManifestDocuments.GROUPS + name, former, group, problems);
                    }
                });
        return problems;
    }

    /// Nodes that know of no former voter would found the group a second time.
    private static void step(
            String key, GroupDocument before, GroupDocument after, List<Problem> problems) {
        Set<String> former = voters(before);
        Set<String> voters = voters(after);
        if (voters.stream().noneMatch(former::contains)) {
            problems.add(
                    new Problem(
                            key,
                            "replicas",
                            "the voters " + voters,
                            "at least one of the voters that are in force: " + former));
        }
    }

    private static Set<String> voters(GroupDocument group) {
        Set<String> voters = new TreeSet<>();
        for (Replica replica : group.getReplicasList()) {
            if (replica.getRole() != Replica.Role.LISTENER) {
                voters.add(replica.getNodeId());
            }
        }
        return voters;
    }

    private static void step(
            String key, TenantDocument before, TenantDocument after, List<Problem> problems) {
        if (after.getRoutingEpoch() < before.getRoutingEpoch()) {
            problems.add(
                    new Problem(
                            key,
                            "routingEpoch",
                            Long.toString(after.getRoutingEpoch()),
                            before.getRoutingEpoch()
                                    + " or more: that is in force, and an epoch never goes back"));
        }
        if (!after.getGroup().equals(before.getGroup())) {
            // Its data would stay behind in the group that it leaves.
            problems.add(
                    new Problem(
                            key,
                            "group",
                            JsonDocument.quote(after.getGroup()),
                            JsonDocument.quote(before.getGroup())
                                    + ": that is in force, and this version doesn't move a tenant's"
                                    + " data"));
        }
    }
}
