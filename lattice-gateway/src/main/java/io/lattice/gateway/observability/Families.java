package io.lattice.gateway.observability;

import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import io.prometheus.client.Collector.Type;
import java.util.ArrayList;
import java.util.List;

/// Builds the metric families of one scrape. Used by one thread.
final class Families {
    private final List<Family> families = new ArrayList<>();

    List<MetricFamilySamples> toList() {
        return families.stream().map(Family::build).toList();
    }

    void gauge(String name, String help, double value) {
        labelled(name, Type.GAUGE, help).add(value);
    }

    /// `name` ends in `_total`.
    void counter(String name, String help, double value) {
        labelled(name, Type.COUNTER, help).add(value);
    }

    void histogram(String name, String help, DurationHistogram histogram) {
        labelled(name, Type.HISTOGRAM, help).add(histogram);
    }

    /// A family whose samples are told apart by labels; one without samples shows its name and type only.
    Family labelled(String name, Type type, String help, String... labels) {
        Family family = new Family(name, type, help, List.of(labels));
        families.add(family);
        return family;
    }

    /// Adds the samples of one family.
    static final class Family {
        private final String name;
        private final Type type;
        private final String help;
        private final List<String> labels;
        private final List<Sample> samples = new ArrayList<>();

        private Family(String name, Type type, String help, List<String> labels) {
            this.name = name;
            this.type = type;
            this.help = help;
            this.labels = labels;
        }

        private MetricFamilySamples build() {
            return new MetricFamilySamples(name, type, help, samples);
        }

        void add(double value, String... labelValues) {
            samples.add(new Sample(name, labels, List.of(labelValues), value));
        }

        void add(DurationHistogram histogram, String... labelValues) {
            DurationHistogram.Reading reading = histogram.read();
            List<String> bucketLabels = new ArrayList<>(labels);
            bucketLabels.add("le");
            for (int i = 0; i < reading.cumulative().length; i++) {
                List<String> values = new ArrayList<>(List.of(labelValues));
                values.add(
                        i < reading.boundsSeconds().length
                                ? Double.toString(reading.boundsSeconds()[i])
                                : "+Inf");
                samples.add(
                        new Sample(
                                name + "_bucket", bucketLabels, values, reading.cumulative()[i]));
            }
            samples.add(new Sample(name + "_count", labels, List.of(labelValues), reading.count()));
            samples.add(
                    new Sample(name + "_sum", labels, List.of(labelValues), reading.sumSeconds()));
        }
    }
}
