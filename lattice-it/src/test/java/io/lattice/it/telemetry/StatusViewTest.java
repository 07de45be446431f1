package io.lattice.it.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.it.Clusters;
import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TestCluster;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/// The status view in a real browser: Chromium loads it from a node and says what stands on the page.
class StatusViewTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofMinutes(2);

    @TempDir Path profile;

    @Test
    void showsTheNode() {
        TestCluster lattice = CLUSTERS.plain("lattice", new LatticeKind(), 1);
        lattice.awaitLeader();
        String name = lattice.node(0).name();

        String page =
                load("http://" + lattice.node(0).host() + ":" + lattice.node(0).metricsPort());

        assertThat(page)
                .contains("<h1 id=\"title\">Node " + name + "</h1>")
                .contains(name + " (this node)")
                .contains("<th scope=\"row\">default</th>")
                .contains("refreshed every 2 s")
                .contains("role=\"alert\" hidden=\"\"");
    }

    /// The document after its scripts have run for a few seconds.
    private String load(String url) {
        return Command.run(
                        LIMIT,
                        List.of(
                                "chromium",
                                "--headless",
                                // The tests run as root in a container.
                                "--no-sandbox",
                                "--disable-gpu",
                                "--user-data-dir=" + profile,
                                "--virtual-time-budget=5000",
                                "--dump-dom",
                                url))
                .orThrow()
                .out();
    }
}
