package io.lattice.it;

import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.ServerKind;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.cluster.Tools;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Runs the clusters of one test class: when a test fails, the ends of their logs are printed; after the
/// class all processes are gone and their stores removed; a cluster that a test method started ends with
/// that method. The logs stay under `target/it/<class>`.
public final class Clusters
        implements BeforeAllCallback,
                AfterAllCallback,
                BeforeEachCallback,
                AfterEachCallback,
                AfterTestExecutionCallback {
    private final List<TestCluster> running = new ArrayList<>();
    private Path directory = Path.of("");
    private int shared;

    @Override
    public void beforeAll(ExtensionContext context) {
        directory =
                Tools.root()
                        .resolve("lattice-it/target/it")
                        .resolve(context.getRequiredTestClass().getSimpleName());
        TestCluster.deleteTree(directory);
    }

    /// A folder for the test's own files, kept after the run.
    public Path directory(String name) {
        return directory.resolve(name);
    }

    /// Starts a plain-text cluster and waits until it is ready.
    public TestCluster plain(String name, ServerKind kind, int nodes) {
        return start(TestCluster.Plan.plain(kind, nodes, directory(name)));
    }

    /// Starts a cluster with mutual TLS and waits until it is ready.
    public TestCluster secure(String name, ServerKind kind, int nodes) {
        return start(TestCluster.Plan.secure(kind, nodes, directory(name)));
    }

    /// Starts a cluster and waits until it is ready.
    public TestCluster start(TestCluster.Plan plan) {
        TestCluster cluster = TestCluster.start(plan);
        running.add(cluster);
        return cluster;
    }

    /// Makes a cluster's nodes without starting any.
    public TestCluster prepare(TestCluster.Plan plan) {
        TestCluster cluster = TestCluster.prepare(plan);
        running.add(cluster);
        return cluster;
    }

    /// Starts an etcd as control plane, still without a manifest.
    public ControlPlane controlPlane() {
        return new ControlPlane(plain("cp", new EtcdKind(false), 1));
    }

    /// Makes three plain-text nodes that have their places from a control plane, without starting any.
    public TestCluster placed(ControlPlane manifest) {
        return prepare(
                TestCluster.Plan.plain(
                        LatticeKind.placed(manifest.section()), 3, directory("placed")));
    }

    @Override
    public void afterTestExecution(ExtensionContext context) {
        if (context.getExecutionException().isPresent()) {
            running.forEach(cluster -> System.err.println(cluster.logTails()));
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        shared = running.size();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        end(shared);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        end(0);
    }

    private void end(int kept) {
        while (running.size() > kept) {
            TestCluster cluster = running.removeLast();
            cluster.close();
            for (int i = 0; i < cluster.size(); i++) {
                cluster.node(i).stores().forEach(TestCluster::deleteTree);
            }
        }
    }
}
