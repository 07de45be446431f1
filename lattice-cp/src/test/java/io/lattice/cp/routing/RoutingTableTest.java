package io.lattice.cp.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.StandaloneManifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RoutingTableTest {
    @Test
    void routesByTheManifest() {
        RoutingTable table =
                new RoutingTable(
                        new StandaloneManifest(
                                Map.of(
                                        "default",
                                        new StandaloneManifest.Entry(
                                                Manifest.Access.NONE,
                                                new LeaseTtlPolicy(
                                                        Duration.ofSeconds(2),
                                                        Duration.ofMinutes(1),
                                                        Duration.ofDays(1)),
                                                QuotaPolicy.UNLIMITED)),
                                List.of(new Manifest.Replica("n1", "h1:2380"))));

        assertThat(table.route("default"))
                .contains(new RoutingTable.Route(1, "g1", new RoutingEpoch(1)));
        assertThat(table.route("other")).isEmpty();
    }

    @Test
    void knowsNobodyBeforeThereIsAManifest() {
        assertThat(new RoutingTable(() -> Manifest.EMPTY).route("default")).isEmpty();
    }

    @Test
    void refusesEpochZero() {
        assertThatThrownBy(() -> new RoutingEpoch(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
