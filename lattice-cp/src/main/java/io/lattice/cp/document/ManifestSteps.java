package io.lattice.cp.document;

import io.lattice.proto.manifest.TenantDocument;
import java.util.ArrayList;
import java.util.List;

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
        return problems;
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
