// An Android example, NOT compiled and NOT run by tfvae. Its LiteRT calls follow the documentation of the CompiledModel
// API in Kotlin, read on 2026-11-21 in a copy that names version 2.1.0, and, for named buffers, the API's source. (The
// files are made and tested with 2.3.0, com.google.ai.edge.litert:litert:2.3.0.)
// https://developers.google.com/edge/litert/next/android_kotlin
//
//   val (x, z) = Decoder(context).use { it.sample(seed = 0) }
//   val (x, z) = Decoder(context).use { it.sample(seed = 0, y = it.label("cat")) }  // for a conditional model
//
// Put decoder.json and a decoder file with batch 1 and float32 inputs and outputs into the assets.
package tfvae.edge

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.TensorBuffer
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.round
import kotlin.math.sin
import kotlin.math.sqrt
import org.json.JSONArray
import org.json.JSONObject

/** x in the user's units, row by row, and its z. */
data class Sample(val x: List<Double>, val z: FloatArray)

class Decoder(context: Context, private val file: String = "decoder_dynamic.tflite") : AutoCloseable {
    private val description = JSONObject(context.assets.open("decoder.json").bufferedReader().use { it.readText() })
    private val prior = description.optJSONObject("prior")
    private val scaling = description.getJSONObject("scaling")
    private val offset = numbers(scaling.get("offset"))
    private val factor = numbers(scaling.get("factor"))
    private val names = description.optJSONObject("condition")?.getJSONArray("names")
    private val latentSize = description.getInt("latent_dim")

    private val environment = Environment.create()
    private val model =
        CompiledModel.create(context.assets, file, CompiledModel.Options(Accelerator.CPU), environment)
    private val buffers = mutableMapOf<String, TensorBuffer>()

    init {
        require(description.getInt("format") == 1 && description.getInt("noise_version") == 1) {
            "decoder.json: expected format 1 and noise_version 1."
        }
    }

    /** The one-hot condition y of a label. Attributes are passed unchanged. */
    fun label(name: String): FloatArray {
        val labels = requireNotNull(names) { "the model has no condition." }
        val index = (0 until labels.length()).indexOfFirst { labels.getString(it) == name }
        require(index >= 0) { "got the label $name, expected one of $labels." }
        return FloatArray(labels.length()) { if (it == index) 1f else 0f }
    }

    /** Sample `index` of a seed in [0, 2^63): the same as in Python, C++ and the SavedModel. */
    fun sample(seed: Long, index: Long = 0, y: FloatArray? = null): Sample {
        require(seed >= 0 && index >= 0) { "got seed $seed and index $index, expected 0 or more." }
        val drawn = requireNotNull(prior) { "decoder.json: its prior cannot be drawn from noise." }
        val z = if (drawn.getString("kind") == "signature") {
            val width = numbers(drawn.get("noise_shape")).fold(1.0) { size, extent -> size * extent }.toInt()
            run("prior", mapOf("eps" to normals(seed, index, width)), y, "z")
        } else {
            fromNoise(drawn, normals(seed, index, latentSize))
        }
        return Sample(userUnits(decode(z, y)), z)
    }

    /** The mean of p(x|z) in model units; y for a conditional model. */
    fun decode(z: FloatArray, y: FloatArray? = null): FloatArray = run("decode", mapOf("z" to z), y, "mean")

    private fun run(signature: String, values: Map<String, FloatArray>, y: FloatArray?, output: String): FloatArray {
        require((y?.size ?: 0) == (names?.length() ?: 0)) {
            "y: got ${y?.size ?: 0} numbers, expected ${names?.length() ?: 0}."
        }
        val known = description.getJSONObject("files").getJSONObject(file).getJSONObject("signatures")
            .getJSONObject(signature).getJSONObject("inputs")
        val all = if (y == null) values else values + ("y" to y)
        val inputs = all.filterKeys { known.has(it) }.mapValues { (name, value) ->
            buffers.getOrPut("$signature/$name") { model.createInputBuffer(name, signature) }
                .also { it.writeFloat(value) }
        }
        val result = buffers.getOrPut("$signature/$output") { model.createOutputBuffer(output, signature) }
        model.run(inputs, mapOf(output to result), signature)
        return result.readFloat()
    }

    /** m + L eps over the last axis, at each position of a grid. */
    private fun fromNoise(gaussian: JSONObject, eps: FloatArray): FloatArray {
        val mean = numbers(gaussian.get("mean"))
        val rows = gaussian.getJSONArray("scale_tril")
        return FloatArray(eps.size) { i ->
            val (row, place) = Pair(i % mean.size, i - i % mean.size)
            val scales = numbers(rows.get(row))
            (mean[row] + scales.indices.sumOf { scales[it] * eps[place + it] }).toFloat()
        }
    }

    private fun userUnits(means: FloatArray): List<Double> = means.mapIndexed { i, value ->
        val most = factor[i % factor.size]
        val scaled = value.toDouble() * most + offset[i % offset.size]
        when {
            !scaling.getBoolean("integer") -> scaled
            else -> round(scaled).coerceIn(0.0, if (scaling.getString("kind") == "unit") most else 255.0)
        }
    }

    override fun close() {
        buffers.values.forEach { it.close() }
        model.close()
        environment.close()
    }
}

/** The noise of one example: purpose 0, `width` standard normals. Philox4x32-10, then Box and Muller (1958). */
fun normals(seed: Long, example: Long, width: Int) = FloatArray(width) { element ->
    val p = example.toULong() * width.toULong() + element.toULong()
    val words = philox(seed.toULong(), p / 4u)
    val lane = (p % 4u).toInt()
    val pair = lane / 2 * 2
    val radius = sqrt(-2f * ln(max(uniform(words[pair]), 1e-7f)))
    val angle = 6.2831855f * uniform(words[pair + 1])
    if (lane % 2 == 0) radius * sin(angle) else radius * cos(angle)
}

private fun philox(seed: ULong, counter: ULong): List<UInt> {
    var (a, b) = listOf(counter.toUInt(), (counter shr 32).toUInt())
    var (c, d) = listOf(0u, 0u)
    var (low, high) = listOf(seed.toUInt(), (seed shr 32).toUInt())
    repeat(10) {
        val first = a.toULong() * 0xD2511F53u
        val second = c.toULong() * 0xCD9E8D57u
        a = (second shr 32).toUInt() xor b xor low
        b = second.toUInt()
        c = (first shr 32).toUInt() xor d xor high
        d = first.toUInt()
        low += 0x9E3779B9u
        high += 0xBB67AE85u
    }
    return listOf(a, b, c, d)
}

private fun uniform(word: UInt): Float = Float.fromBits(((word and 0x7FFFFFu) or 0x3F800000u).toInt()) - 1f

private fun numbers(value: Any): List<Double> = when (value) {
    is JSONArray -> (0 until value.length()).flatMap { numbers(value.get(it)) }
    else -> listOf((value as Number).toDouble())
}
