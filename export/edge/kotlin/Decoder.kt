// An Android example, NOT compiled and NOT run by tfvae. Its calls of LiteRT are those that the documentation of the
// CompiledModel API in Kotlin quotes, as read on 2026-11-21 in a copy that names version 2.1.0 (the files here are
// made and tested with 2.3.0, com.google.ai.edge.litert:litert:2.3.0):
// https://developers.google.com/edge/litert/next/android_kotlin
//
//   val (x, z) = Decoder(context).use { it.sample(seed = 0) }
//
// Put decoder.json and a decoder file of batch 1, with float32 input and output, into the assets.
package tfvae.edge

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.round
import kotlin.math.sin
import kotlin.math.sqrt
import org.json.JSONArray
import org.json.JSONObject

/** x in the user's units, row by row, and the z that it comes from. */
data class Sample(val x: List<Double>, val z: FloatArray)

class Decoder(context: Context, file: String = "decoder_dynamic.tflite") : AutoCloseable {
    private val facts = JSONObject(context.assets.open("decoder.json").bufferedReader().use { it.readText() })
    private val mean = numbers(facts.getJSONObject("prior").get("mean"))
    private val scaleTril = facts.getJSONObject("prior").getJSONArray("scale_tril")
    private val scaling = facts.getJSONObject("scaling")
    private val offset = numbers(scaling.get("offset"))
    private val factor = numbers(scaling.get("factor"))

    private val environment = Environment.create()
    private val model =
        CompiledModel.create(context.assets, file, CompiledModel.Options(Accelerator.CPU), environment)
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    init {
        require(facts.getInt("format") == 1 && facts.getInt("noise_version") == 1) {
            "decoder.json: want format 1 and noise_version 1."
        }
    }

    /** Sample `index` of a seed in [0, 2^63): the one that Python, C++ and the SavedModel draw. */
    fun sample(seed: Long, index: Long = 0): Sample {
        require(seed >= 0 && index >= 0) { "got seed $seed and index $index, want 0 or more." }
        val z = prior(normals(seed, index, mean.size))
        return Sample(userUnits(decode(z)), z)
    }

    /** The mean of p(x|z) in model units. */
    fun decode(z: FloatArray): FloatArray {
        inputs[0].writeFloat(z)
        model.run(inputs, outputs)
        return outputs[0].readFloat()
    }

    /** m + L eps. */
    private fun prior(eps: FloatArray) = FloatArray(mean.size) { row ->
        val scales = numbers(scaleTril.get(row))
        (mean[row] + scales.indices.sumOf { scales[it] * eps[it] }).toFloat()
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
        (inputs + outputs).forEach { it.close() }
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
