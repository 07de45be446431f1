package io.lattice.it.telemetry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One answer of a metrics port, parsed as Prometheus' text form.
///
/// @param types by family
/// @param samples the values by name and labels, as they are written
/// @param labels the label names that occur with each sample's name
record Scrape(
        Map<String, String> types, Map<String, Double> samples, Map<String, Set<String>> labels) {
    private static final Pattern SAMPLE =
            Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{.*})? (\\S+)");
    private static final Pattern LABEL =
            Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"(?:[^\"\\\\]|\\\\.)*\"");

    /// Asks a port.
    static Scrape of(String url) {
        return parse(get(url));
    }

    /// The body at an address; anything but 200 is a failure.
    static String get(String url) {
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> answer =
                    http.send(
                            HttpRequest.newBuilder(URI.create(url))
                                    .timeout(Duration.ofSeconds(10))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(url + " answers " + answer.statusCode());
            }
            return answer.body();
        } catch (IOException e) {
            throw new IllegalStateException(url + " can't be read", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    static Scrape parse(String text) {
        Map<String, String> types = new HashMap<>();
        Map<String, Double> samples = new TreeMap<>();
        Map<String, Set<String>> labels = new HashMap<>();
        for (String line : text.lines().toList()) {
            if (line.startsWith("# TYPE ")) {
                List<String> words = Arrays.asList(line.split(" ", -1));
                types.put(words.get(2), words.get(3));
            } else if (!line.startsWith("#") && !line.isBlank()) {
                Matcher sample = SAMPLE.matcher(line);
                if (!sample.matches()) {
                    throw new IllegalStateException("not a sample: " + line);
                }
                String name = sample.group(1);
                String given = sample.group(2) == null ? "" : sample.group(2);
                samples.put(name + given, number(sample.group(3)));
                Matcher label = LABEL.matcher(given);
                Set<String> names = labels.computeIfAbsent(name, _ -> new TreeSet<>());
                while (label.find()) {
                    names.add(label.group(1));
                }
            }
        }
        return new Scrape(types, samples, labels);
    }

    private static double number(String text) {
        return switch (text) {
            case "+Inf" -> Double.POSITIVE_INFINITY;
            case "-Inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }

    /// The names that samples have.
    Set<String> names() {
        return labels.keySet();
    }

    double value(String sample) {
        Double value = samples.get(sample);
        if (value == null) {
            throw new IllegalStateException("no sample " + sample);
        }
        return value;
    }
}
