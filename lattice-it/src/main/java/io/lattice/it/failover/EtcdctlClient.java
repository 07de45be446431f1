package io.lattice.it.failover;

import io.lattice.it.cluster.Command;
import io.lattice.it.cluster.Etcdctl;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The real etcdctl, one process for each put, on one node. Used by one thread. Always of the tenant
/// that a call without a name belongs to.
final class EtcdctlClient implements PutClient {
    private static final Pattern REVISION = Pattern.compile("\"revision\":(\\d+)");

    private final Etcdctl etcdctl;

    EtcdctlClient(Target target) {
        etcdctl = new Etcdctl(target.url(), target.tls());
    }

    @Override
    public Result put(String key, long number) {
        Command.Result result = etcdctl.run("put", key, Long.toString(number), "--write-out=json");
        Matcher revision = REVISION.matcher(result.out());
        if (result.exit() == 0 && revision.find()) {
            return Result.acknowledged(Long.parseLong(revision.group(1)));
        }
        // Its texts don't tell a refused connection from one that broke, so that every error
        // without a
        // word of the server is ambiguous.
        String error = result.err().lines().reduce("", (before, line) -> line);
        return Result.error(error.replace("Connection refused", "connection refused"));
    }

    @Override
    public void close() {}
}
